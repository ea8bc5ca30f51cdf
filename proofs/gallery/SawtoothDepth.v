(* Depth against width: g_k has 2^k affine pieces, a network with one hidden layer of w neurons
   has at most w + 1, and with w + 1 < 2^k it misses g_k somewhere by at least 1/2. *)

Require Import List Bool Reals QArith Qreals Lra Lia Psatz.
From Gallery Require Import Net NetFacts Tooth Pieces.
Import ListNotations.
Open Scope R_scope.

(** * What is stated *)

(* The network of g_k: k hidden layers of two neurons, which hold relu(t) and relu(t - 1/2). *)
Definition tooth_row : list Q := [2; -(4)]%Q.
Fixpoint teeth_layers (k : nat) : network Q :=
  match k with
  | O => [Layer [tooth_row] [0]]%Q
  | S k' => Layer [tooth_row; tooth_row] [0; -1 # 2]%Q :: teeth_layers k'
  end.
Definition sawtooth_net (k : nat) : network Q :=
  Layer [[1]; [1]]%Q [0; -1 # 2]%Q :: teeth_layers (k - 1).

(** * The network of g_k *)

Lemma teeth_layers_run k : forall t, 0 <= t <= 1 ->
  run (real (teeth_layers k)) [relu t; relu (t - 1 / 2)] = [teeth (S k) t].
Proof.
  induction k as [|k IH]; intros t unit.
  - change (teeth 1 t) with (tooth t); rewrite tooth_of_relu by assumption.
    weights; f_equal; lra.
  - rewrite teeth_tooth, <- (IH (tooth t)) by (apply tooth_unit; assumption).
    change (real (teeth_layers (S k)))
      with (real_layer (Layer [tooth_row; tooth_row] [0; -1 # 2]%Q) :: real (teeth_layers k)).
    assert (step : map relu (apply (real_layer (Layer [tooth_row; tooth_row] [0; -1 # 2]%Q))
      [relu t; relu (t - 1 / 2)]) = [relu (tooth t); relu (tooth t - 1 / 2)]).
    { rewrite tooth_of_relu by assumption; weights.
      same_entries. }
    rewrite <- step; destruct k; reflexivity.
Qed.

Lemma sawtooth_net_value k x : (1 <= k)%nat -> 0 <= x <= 1 ->
  value (real (sawtooth_net k)) x = teeth k x.
Proof.
  intros positive unit; destruct k as [|k]; [lia|].
  unfold value, output, sawtooth_net; rewrite Nat.sub_succ, Nat.sub_0_r.
  change (teeth (S k) x) with (hd 0 [teeth (S k) x]); rewrite <- teeth_layers_run by assumption.
  assert (step : map relu (apply (real_layer (Layer [[1]; [1]] [0; -1 # 2])%Q) [x])
    = [relu x; relu (x - 1 / 2)]).
  { weights; same_entries. }
  rewrite <- step; destruct k; reflexivity.
Qed.

Lemma sawtooth_net_width k : (1 <= k)%nat -> map width (sawtooth_net k) = repeat 2%nat k ++ [1%nat].
Proof.
  intro positive; destruct k as [|k]; [lia|]; unfold sawtooth_net; rewrite Nat.sub_succ,
    Nat.sub_0_r.
  simpl; f_equal; clear positive; induction k as [|k IH]; [reflexivity|]; simpl; f_equal; exact IH.
Qed.

(** * The pieces of g_k *)

(* Between i/2^k and (i+1)/2^k: up from 0 to 1 for even i, down for odd i. *)
Definition tooth_line (k i : nat) (x : R) : R :=
  if Nat.odd i then INR i + 1 - 2 ^ k * x else 2 ^ k * x - INR i.

Lemma pow2_positive k : 0 < 2 ^ k.
Proof. apply pow_lt; lra. Qed.

Lemma INR_pow2 k : INR (2 ^ k) = 2 ^ k.
Proof. rewrite pow_INR; reflexivity. Qed.

Lemma mirror_odd k i : (i < 2 ^ S k)%nat -> Nat.odd (2 ^ S k - 1 - i) = negb (Nat.odd i).
Proof.
  intro below; replace (2 ^ S k - 1 - i)%nat with (2 ^ S k - S i)%nat by lia.
  rewrite Nat.odd_sub by lia; rewrite Nat.odd_succ, <- Nat.negb_odd, Nat.pow_succ_r', Nat.odd_mul.
  destruct (Nat.odd i); reflexivity.
Qed.

Lemma teeth_line k : forall i x, (i < 2 ^ k)%nat -> INR i <= 2 ^ k * x <= INR i + 1 ->
  teeth k x = tooth_line k i x.
Proof.
  induction k as [|k IH]; intros i x below between.
  - replace i with 0%nat by (simpl in below; lia); unfold teeth, tooth_line; simpl; ring.
  - rewrite teeth_tooth; pose proof (pow2_positive k).
    assert (INR (2 ^ S k) = 2 * 2 ^ k) as whole by (rewrite INR_pow2; reflexivity).
    simpl pow in between.
    destruct (Nat.lt_ge_cases i (2 ^ k)) as [left|right].
    + assert (INR i + 1 <= 2 ^ k) by (rewrite <- INR_pow2, <- S_INR; apply le_INR; lia).
      rewrite tooth_left by nra.
      rewrite (IH i) by (assumption || lra); unfold tooth_line; simpl pow.
      destruct (Nat.odd i); ring.
    + assert (2 ^ k <= INR i) by (rewrite <- INR_pow2; apply le_INR; lia).
      rewrite tooth_right by nra.
      assert (mirror : INR (2 ^ S k - 1 - i) = 2 * 2 ^ k - 1 - INR i).
      { rewrite !minus_INR, whole by lia; reflexivity. }
      rewrite (IH (2 ^ S k - 1 - i)%nat); [|rewrite Nat.pow_succ_r' in *; lia|rewrite mirror; lra].
      unfold tooth_line; rewrite mirror, mirror_odd by assumption.
      destruct (Nat.odd i); simpl; ring.
Qed.

Lemma teeth_affine k i : (i < 2 ^ k)%nat ->
  affine_on (teeth k) (INR i / 2 ^ k) (INR (S i) / 2 ^ k).
Proof.
  intro below; pose proof (pow2_positive k).
  enough (exists p q, forall x, tooth_line k i x = p * x + q) as (p & q & line).
  { exists p, q; intros x [low high]; rewrite <- line; apply teeth_line; [assumption|].
    apply (Rmult_le_compat_l (2 ^ k)) in low, high; try lra.
    rewrite S_INR in high; unfold Rdiv in *.
    replace (2 ^ k * (INR i * / 2 ^ k)) with (INR i) in low by (field; lra).
    replace (2 ^ k * ((INR i + 1) * / 2 ^ k)) with (INR i + 1) in high by (field; lra).
    lra. }
  unfold tooth_line; destruct (Nat.odd i);
    [exists (- 2 ^ k), (INR i + 1)|exists (2 ^ k), (- INR i)]; intro; ring.
Qed.

Lemma teeth_pieces k : pieces (2 ^ k) (teeth k) 0 1.
Proof.
  pose proof (pow2_positive k).
  enough (all : forall n i, (i + n = 2 ^ k)%nat -> pieces n (teeth k) (INR i / 2 ^ k) 1).
  { replace 0 with (INR 0 / 2 ^ k) by (simpl; field; lra); apply all; reflexivity. }
  induction n as [|n IH]; intros i sum.
  - replace i with (2 ^ k)%nat by lia; simpl; rewrite INR_pow2; field; lra.
  - exists (INR (S i) / 2 ^ k); split; [|split].
    + assert (INR (S i) <= 2 ^ k) by (rewrite <- INR_pow2; apply le_INR; lia).
      rewrite S_INR in *; assert (0 < / 2 ^ k) by (apply Rinv_0_lt_compat; lra).
      split; [apply Rmult_le_compat_r; lra|].
      apply (Rmult_le_reg_r (2 ^ k)); [lra|].
      unfold Rdiv; rewrite Rmult_assoc, Rinv_l; lra.
    + apply teeth_affine; lia.
    + apply IH; lia.
Qed.

(** * Functions that go up and down need many pieces *)

(* From a on, h is above 1/2 and below it in turn at the points ts, starting as `up` says. *)
Fixpoint zigzag (up : bool) (h : R -> R) (a b : R) (ts : list R) : Prop :=
  match ts with
  | [] => True
  | t :: rest =>
    a <= t <= b /\ (if up then h t > 1 / 2 else h t < 1 / 2) /\ zigzag (negb up) h t b rest
  end.

(* A line through heights on different sides of 1/2 stays on the later side. *)
Lemma line_stays (up : bool) h a c t t' : affine_on h a c -> a <= t <= t' -> t' <= c ->
  (if up then h t > 1 / 2 else h t < 1 / 2) -> (if negb up then h t' > 1 / 2 else h t' < 1 / 2) ->
  forall s, t' <= s <= c -> if negb up then h s > 1 / 2 else h s < 1 / 2.
Proof.
  intros (p & q & line) order inside first second s after.
  pose proof (line t ltac:(lra)); pose proof (line t' ltac:(lra)); pose proof (line s ltac:(lra)).
  destruct up; simpl in *.
  - assert (p < 0) by nra; nra.
  - assert (p > 0) by nra; nra.
Qed.

Lemma zigzag_pieces n : forall up h a b ts,
  pieces n h a b -> zigzag up h a b ts -> (length ts <= S n)%nat.
Proof.
  induction n as [|n IH]; intros up h a b [|t0 [|t1 rest]]; simpl; try lia.
  - intros <- (at0 & side0 & at1 & side1 & _).
    replace t1 with t0 in side1 by lra; destruct up; simpl in *; lra.
  - intros (c & within & first & others) (at0 & side0 & at1 & side1 & turns).
    destruct (Rle_or_lt t1 c) as [before|after].
    + pose proof (line_stays up h a c t0 t1 first ltac:(lra) before side0 side1) as stays.
      enough (zigzag (negb up) h c b (c :: rest)) as turned.
      { apply (IH _ _ _ _ _ others) in turned; simpl in turned; lia. }
      simpl; split; [lra|]; split; [apply stays; lra|].
      destruct rest as [|t2 rest]; simpl in *; [trivial|].
      destruct turns as (at2 & side2 & turns); split; [|split; assumption].
      destruct (Rle_or_lt t2 c) as [also|later]; [|lra].
      pose proof (stays t2 ltac:(lra)); destruct up; simpl in *; lra.
    + enough (zigzag (negb up) h c b (t1 :: rest)) as turned.
      { apply (IH _ _ _ _ _ others) in turned; simpl in turned; lia. }
      simpl; split; [lra|split; assumption].
Qed.

(* At the multiples of 2^-k: 0 at even ones, 1 at odd ones. *)
Lemma teeth_at k i : (i <= 2 ^ k)%nat ->
  teeth k (INR i / 2 ^ k) = if Nat.odd i then 1 else 0.
Proof.
  intro below; pose proof (pow2_positive k).
  assert (place : 2 ^ k * (INR i / 2 ^ k) = INR i) by (field; lra).
  destruct i as [|i].
  - rewrite (teeth_line k 0); [unfold tooth_line; rewrite place; simpl; ring| |rewrite place; lra].
    pose proof (Nat.pow_nonzero 2 k); lia.
  - rewrite (teeth_line k i); [unfold tooth_line; rewrite place| |rewrite place, S_INR; lra].
    + rewrite Nat.odd_succ, <- Nat.negb_odd, S_INR; destruct (Nat.odd i); simpl; ring.
    + lia.
Qed.

(* What is less than 1/2 away from g_k at all multiples of 2^-k goes up and down 2^k times. *)
Lemma close_zigzag k h :
  (forall i, (i <= 2 ^ k)%nat -> Rabs (h (INR i / 2 ^ k) - teeth k (INR i / 2 ^ k)) < 1 / 2) ->
  forall n, pieces n h 0 1 -> (2 ^ k <= n)%nat.
Proof.
  intro close; pose proof (pow2_positive k).
  assert (all : forall n i a, (i + n <= S (2 ^ k))%nat -> a <= INR i / 2 ^ k ->
    zigzag (Nat.odd i) h a 1 (map (fun i => INR i / 2 ^ k) (seq i n))).
  { induction n as [|n IH]; intros i a sum before; simpl; [trivial|].
    assert (inside : INR i / 2 ^ k <= 1).
    { apply (Rmult_le_reg_r (2 ^ k)); [lra|].
      unfold Rdiv; rewrite Rmult_assoc, Rinv_l, Rmult_1_r, Rmult_1_l by lra.
      rewrite <- INR_pow2; apply le_INR; lia. }
    split; [lra|]; split.
    - specialize (close i ltac:(lia)); rewrite teeth_at in close by lia.
      apply Rabs_def2 in close; destruct (Nat.odd i); lra.
    - rewrite Nat.negb_odd, <- Nat.odd_succ; apply IH; [lia|].
      apply Rmult_le_compat_r; [|rewrite S_INR; lra].
      left; apply Rinv_0_lt_compat; lra. }
  intros n made; specialize (all (S (2 ^ k)) 0%nat 0 ltac:(lia)).
  apply (zigzag_pieces n) in all; [|exact made|simpl; unfold Rdiv; lra].
  rewrite map_length, seq_length in all; lia.
Qed.

(** * One hidden layer has few pieces *)

Lemma affine_sum f g a b : affine_on f a b -> affine_on g a b -> affine_on (fun x => f x + g x) a b.
Proof.
  intros (p & q & line) (p' & q' & line'); exists (p + p'), (q + q'); intros x inside.
  rewrite line, line' by assumption; ring.
Qed.

Lemma affine_part f a b a' b' : affine_on f a b -> a <= a' -> b' <= b -> affine_on f a' b'.
Proof. intros (p & q & line) ? ?; exists p, q; intros; apply line; lra. Qed.

Lemma pieces_order n f : forall a b, pieces n f a b -> a <= b.
Proof.
  induction n as [|n IH]; simpl; intros a b; [intros ->; lra|].
  intros (c & ? & _); lra.
Qed.

(* Adding what is affine on [a, b] leaves the number of pieces. *)
Lemma pieces_plus_line n f g b : forall a, pieces n f a b -> affine_on g a b ->
  pieces n (fun x => f x + g x) a b.
Proof.
  induction n as [|n IH]; simpl; intros a; [trivial|].
  intros (c & order & first & others) line; exists c; split; [assumption|]; split.
  - apply affine_sum; [assumption|]; apply (affine_part g a b); lra || assumption.
  - apply IH; [assumption|]; apply (affine_part g a b); lra || assumption.
Qed.

(* Adding what is affine on both sides of one knot adds at most one piece. *)
Lemma pieces_plus_knot n f g b t :
  (forall a c, c <= t -> affine_on g a c) -> (forall a c, t <= a -> affine_on g a c) ->
  forall a, pieces n f a b -> pieces (S n) (fun x => f x + g x) a b.
Proof.
  intros before after; induction n as [|n IH]; intros a.
  - intros <-; exists a; split; [lra|]; split; [|reflexivity].
    exists 0, (f a + g a); intros x inside; replace x with a by lra; ring.
  - intros (c & order & first & others).
    destruct (Rle_or_lt c t) as [later|earlier].
    + exists c; split; [assumption|]; split; [apply affine_sum; auto|apply IH; assumption].
    + destruct (Rle_or_lt a t) as [here|gone].
      * exists t; split; [lra|]; split.
        { apply affine_sum; [apply (affine_part f a c); lra || assumption|apply before; lra]. }
        exists c; split; [lra|]; split.
        { apply affine_sum; [apply (affine_part f a c); lra || assumption|apply after; lra]. }
        apply pieces_plus_line; [assumption|apply after; lra].
      * exists a; split; [lra|]; split.
        { exists 0, (f a + g a); intros x inside; replace x with a by lra; ring. }
        exists c; split; [assumption|]; split; [apply affine_sum; [assumption|apply after; lra]|].
        apply pieces_plus_line; [assumption|apply after; lra].
Qed.

Lemma relu_line_knot v p q : exists t,
  (forall a c, c <= t -> affine_on (fun x => v * relu (p * x + q)) a c) /\
  (forall a c, t <= a -> affine_on (fun x => v * relu (p * x + q)) a c).
Proof.
  exists (- q / p); destruct (Req_dec p 0) as [->|slope].
  - split; intros; exists 0, (v * relu q); intros; replace (0 * x + q) with q by ring; ring.
  - assert (knot : forall x, p * (x - - q / p) = p * x + q) by (intro; field; assumption).
    assert (active : forall x, 0 <= p * x + q -> v * relu (p * x + q) = v * p * x + v * q).
    { intros; rewrite relu_active by assumption; ring. }
    assert (inactive : forall x, p * x + q <= 0 -> v * relu (p * x + q) = 0 * x + 0).
    { intros; rewrite relu_inactive by assumption; ring. }
    destruct (Rlt_or_le p 0); split; intros; (exists (v * p), (v * q) + exists 0, 0); intros;
      (apply active + apply inactive); rewrite <- knot; nra.
Qed.

Lemma pieces_same n f g b : (forall x, f x = g x) -> forall a, pieces n f a b -> pieces n g a b.
Proof.
  intro equal; induction n as [|n IH]; simpl; intros a; [trivial|].
  intros (c & order & (p & q & line) & others); exists c; split; [assumption|]; split; [|auto].
  exists p, q; intros; rewrite <- equal; apply line; assumption.
Qed.

Lemma dot_cons v x0 x : dot v (x0 :: x) = hd 0 v * x0 + dot (tl v) x.
Proof. destruct v; simpl; [destruct x; simpl|]; ring. Qed.

(* A sum of neurons and a constant, on any interval. *)
Lemma hidden_pieces W : forall b v c a e, a <= e ->
  pieces (S (length W)) (fun x => dot v (map relu (rows W b [x])) + c) a e.
Proof.
  induction W as [|w W IH]; intros b v c a e order.
  - exists e; split; [lra|]; split; [|reflexivity].
    exists 0, c; intros; destruct v; simpl; ring.
  - pose proof (IH (tl b) (tl v) c a e order) as fewer.
    destruct (relu_line_knot (hd 0 v) (hd 0 w) (hd 0 b)) as (t & before & after).
    apply (pieces_plus_knot _ _ _ _ t before after) in fewer; revert fewer; apply pieces_same.
    intro x; change (rows (w :: W) b [x]) with (dot w [x] + hd 0 b :: rows W (tl b) [x]).
    rewrite map_cons, !dot_cons; replace (dot (tl w) []) with 0 by (destruct (tl w); reflexivity).
    rewrite Rplus_0_r; ring.
Qed.

Lemma one_hidden_layer_pieces (l1 l2 : layer R) a b : a <= b ->
  pieces (S (width l1)) (value [l1; l2]) a b.
Proof.
  intro order.
  apply pieces_same with
    (f := fun x => dot (hd [] (weight l2)) (map relu (rows (weight l1) (bias l1) [x]))
      + match weight l2 with [] => 0 | _ => hd 0 (bias l2) end); [|apply hidden_pieces; assumption].
  intro x; unfold value, output; simpl; unfold apply; destruct (weight l2); simpl; [|reflexivity].
  ring.
Qed.

(** * The theorem *)

(* For every k:
   - g_k has 2^k affine pieces on [0, 1], and no fewer;
   - at the multiples of 2^-k it is 0, 1, 0, ... in turn;
   - for k >= 1 it is computed by the network of k hidden layers with two neurons each;
   - a network of one hidden layer has at most one piece more than neurons, on every interval;
   - so with w + 1 < 2^k neurons it misses g_k by at least 1/2 at some multiple of 2^-k;
   - 1/2 is sharp: the constant 1/2, such a network too, misses g_k nowhere by more. *)
Theorem sawtooth_depth k :
  pieces (2 ^ k) (teeth k) 0 1 /\
  (forall n, pieces n (teeth k) 0 1 -> (2 ^ k <= n)%nat) /\
  (forall i, (i <= 2 ^ k)%nat -> teeth k (INR i / 2 ^ k) = if Nat.odd i then 1 else 0) /\
  ((1 <= k)%nat -> map width (sawtooth_net k) = repeat 2%nat k ++ [1%nat] /\
    forall x, 0 <= x <= 1 -> value (real (sawtooth_net k)) x = teeth k x) /\
  (forall (l1 l2 : layer R) a b, a <= b -> pieces (width l1 + 1) (value [l1; l2]) a b) /\
  (forall l1 l2 : layer R, (width l1 + 1 < 2 ^ k)%nat -> exists i, (i <= 2 ^ k)%nat /\
    Rabs (value [l1; l2] (INR i / 2 ^ k) - teeth k (INR i / 2 ^ k)) >= 1 / 2) /\
  (forall x, 0 <= x <= 1 ->
    Rabs (value [Layer [] []; Layer [[]] [1 / 2]] x - teeth k x) <= 1 / 2).
Proof.
  split; [apply teeth_pieces|].
  split.
  { apply close_zigzag; intros; rewrite Rminus_eq_0, Rabs_R0; lra. }
  split; [intros; apply teeth_at; assumption|].
  split.
  { intro positive; split; [apply sawtooth_net_width|intros; apply sawtooth_net_value];
    assumption. }
  split.
  { intros; rewrite Nat.add_1_r; apply one_hidden_layer_pieces; assumption. }
  split.
  - intros l1 l2 narrow; set (h := value [l1; l2]).
    set (miss := fun i => Rabs (h (INR i / 2 ^ k) - teeth k (INR i / 2 ^ k))).
    assert (either : forall n, (exists i, (i <= n)%nat /\ miss i >= 1 / 2) \/
      forall i, (i <= n)%nat -> miss i < 1 / 2).
    { induction n as [|n [(i & below & far)|near]].
      - destruct (Rlt_le_dec (miss 0%nat) (1 / 2)) as [near|far]; [right|left; exists 0%nat].
        + intros i below; replace i with 0%nat by lia; assumption.
        + split; [lia|lra].
      - left; exists i; split; [lia|assumption].
      - destruct (Rlt_le_dec (miss (S n)) (1 / 2)) as [here|far]; [right|left; exists (S n)].
        + intros i below; destruct (Nat.eq_dec i (S n)) as [->|]; [assumption|apply near; lia].
        + split; [lia|lra]. }
    destruct (either (2 ^ k)%nat) as [found|near]; [exact found|exfalso].
    pose proof (close_zigzag k h near (S (width l1))
      (one_hidden_layer_pieces l1 l2 0 1 ltac:(lra))); lia.
  - intros x unit; pose proof (teeth_unit k x unit).
    unfold value, output; simpl; apply Rabs_le; lra.
Qed.
