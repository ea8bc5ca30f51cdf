(* The ReLU network through the values of an L-Lipschitz function at the multiples of 1/p is
   nowhere on [0, 1] farther than L/(2p) from it: for every such function, every L and every p. *)

Require Import List Reals QArith Qreals Lra Lia Psatz.
From Gallery Require Import Net NetFacts Pieces.
Import ListNotations.
Open Scope R_scope.

(** * What is stated *)

Definition lipschitz (L : R) (f : R -> R) : Prop :=
  forall x y, 0 <= x <= 1 -> 0 <= y <= 1 -> Rabs (f x - f y) <= L * Rabs (x - y).

(* The network through (i/p, v_i), i = 0, ..., p: one neuron relu(x - i/p) for every i < p, whose
   factor is by how much the slope turns at i/p. *)
Definition turn (p : nat) (v : nat -> R) (i : nat) : R :=
  INR p * (v (S i) - v i) - match i with O => 0 | S h => INR p * (v i - v h) end.
Definition interpolant (p : nat) (v : nat -> R) : network R :=
  [Layer (repeat [1] p) (map (fun i => - (INR i / INR p)) (seq 0 p));
   Layer [map (turn p v) (seq 0 p)] [v O]].

(* The same with rational values. *)
Definition of_nat (n : nat) : Q := inject_Z (Z.of_nat n).
Definition turn_Q (p : nat) (v : nat -> Q) (i : nat) : Q :=
  of_nat p * (v (S i) - v i) - match i with O => 0 | S h => of_nat p * (v i - v h) end.
Definition interpolant_Q (p : nat) (v : nat -> Q) : network Q :=
  [Layer (repeat [1] p) (map (fun i => - (of_nat i / of_nat p)) (seq 0 p));
   Layer [map (turn_Q p v) (seq 0 p)] [v O]]%Q.

(** * The network is the broken line *)

(* The neurons s, ..., s + n - 1, and the line from (s/p, v_s) to ((s+1)/p, v_(s+1)). *)
Fixpoint kinks (p : nat) (v : nat -> R) (s n : nat) (x : R) : R :=
  match n with
  | O => 0
  | S n' => turn p v s * relu (x - INR s / INR p) + kinks p v (S s) n' x
  end.
Definition chord (p : nat) (v : nat -> R) (s : nat) (x : R) : R :=
  v s + INR p * (v (S s) - v s) * (x - INR s / INR p).

Lemma neurons_kinks p v x n : forall s, dot (map (turn p v) (seq s n))
    (map relu (rows (repeat [1] n) (map (fun i => - (INR i / INR p)) (seq s n)) [x]))
  = kinks p v s n x.
Proof.
  induction n as [|n IH]; intro s; [reflexivity|].
  simpl; rewrite IH; replace (1 * x + 0 + - (INR s / INR p)) with (x - INR s / INR p) by ring.
  reflexivity.
Qed.

Lemma interpolant_kinks p v x : value (interpolant p v) x = kinks p v 0 p x + v O.
Proof. rewrite <- neurons_kinks; reflexivity. Qed.

Lemma place_order p i j : (1 <= p)%nat -> (i <= j)%nat -> INR i / INR p <= INR j / INR p.
Proof.
  intros positive order; apply Rmult_le_compat_r; [|apply le_INR; assumption].
  left; apply Rinv_0_lt_compat, lt_0_INR; lia.
Qed.

Lemma kinks_ahead p v n : (1 <= p)%nat -> forall s x, x <= INR s / INR p -> kinks p v s n x = 0.
Proof.
  intro positive; induction n as [|n IH]; intros s x before; simpl; [reflexivity|].
  rewrite relu_inactive, IH; [ring| |lra].
  pose proof (place_order p s (S s) positive ltac:(lia)); lra.
Qed.

(* At a knot a chord turns into the next. *)
Lemma chord_turn p v s x : (1 <= p)%nat ->
  turn p v (S s) * (x - INR (S s) / INR p) + chord p v s x = chord p v (S s) x.
Proof.
  intro positive; apply lt_0_INR in positive; unfold chord, turn; rewrite (S_INR s); field; lra.
Qed.

Lemma kinks_chord p v n : (1 <= p)%nat -> forall s j x, (s <= j < S s + n)%nat ->
  INR j / INR p <= x <= INR (S j) / INR p -> kinks p v (S s) n x + chord p v s x = chord p v j x.
Proof.
  intro positive; induction n as [|n IH]; intros s j x range between.
  - replace j with s by lia; simpl; ring.
  - destruct (Nat.eq_dec s j) as [->|other]; [rewrite kinks_ahead by (assumption || lra); ring|].
    change (kinks p v (S s) (S n) x)
      with (turn p v (S s) * relu (x - INR (S s) / INR p) + kinks p v (S (S s)) n x).
    pose proof (place_order p (S s) j positive ltac:(lia)).
    rewrite relu_active, (Rplus_comm _ (kinks _ _ _ _ _)), Rplus_assoc, chord_turn
      by (assumption || lra).
    apply IH; [lia|assumption].
Qed.

Lemma interpolant_chord p v j x : (j < p)%nat -> INR j / INR p <= x <= INR (S j) / INR p ->
  value (interpolant p v) x = chord p v j x.
Proof.
  intros range between; rewrite interpolant_kinks; destruct p as [|n]; [lia|].
  rewrite <- (kinks_chord (S n) v n ltac:(lia) 0 j x) by (lia || assumption).
  change (kinks (S n) v 0 (S n) x)
    with (turn (S n) v 0 * relu (x - INR 0 / INR (S n)) + kinks (S n) v 1 n x).
  pose proof (place_order (S n) 0 j ltac:(lia) ltac:(lia)) as ahead.
  rewrite relu_active by lra; unfold chord, turn; ring.
Qed.

(* Every point of [0, 1] lies between two multiples of 1/p. *)
Lemma place p x : (1 <= p)%nat -> 0 <= x <= 1 ->
  exists j, (j < p)%nat /\ INR j / INR p <= x <= INR (S j) / INR p.
Proof.
  intros positive [low high]; pose proof (lt_0_INR p ltac:(lia)) as some.
  enough (all : forall n, x <= INR (S n) / INR p ->
    exists j, (j <= n)%nat /\ INR j / INR p <= x <= INR (S j) / INR p).
  { destruct (all (p - 1)%nat) as (j & below & between).
    - replace (S (p - 1)) with p by lia; unfold Rdiv; rewrite Rinv_r; lra.
    - exists j; split; [lia|exact between]. }
  induction n as [|n IH]; intro below.
  - exists 0%nat; split; [lia|split; [simpl; unfold Rdiv; lra|exact below]].
  - destruct (Rle_or_lt x (INR (S n) / INR p)) as [before|after].
    + destruct (IH before) as (j & range & between); exists j; split; [lia|exact between].
    + exists (S n); split; [lia|lra].
Qed.

(** * The error *)

Lemma place_unit p i : (1 <= p)%nat -> (i <= p)%nat -> 0 <= INR i / INR p <= 1.
Proof.
  intros positive range; pose proof (lt_0_INR p ltac:(lia)) as some.
  pose proof (place_order p 0 i positive ltac:(lia)) as low.
  pose proof (place_order p i p positive range) as high.
  unfold Rdiv in *; simpl INR in low; rewrite Rinv_r in high; lra.
Qed.

(* With f within e t of v and within e (1 - t) of w, the point of the chord from v to w is within
   e/2 of f: what is between is 2 e t (1 - t) at most. *)
Lemma chord_step t e y v w : 0 <= t <= 1 -> 0 <= e -> Rabs (y - v) <= e * t ->
  Rabs (y - w) <= e * (1 - t) -> Rabs (v + t * (w - v) - y) <= e / 2.
Proof.
  intros unit scale near_v near_w.
  replace (v + t * (w - v) - y) with (- ((1 - t) * (y - v) + t * (y - w))) by ring.
  rewrite Rabs_Ropp; eapply Rle_trans; [apply Rabs_triang|].
  rewrite !Rabs_mult, (Rabs_right (1 - t)), (Rabs_right t) by lra.
  apply (Rmult_le_compat_l (1 - t)) in near_v; [|lra].
  apply (Rmult_le_compat_l t) in near_w; [|lra].
  pose proof (pow2_ge_0 (t - 1 / 2)); nra.
Qed.

Lemma interpolant_error p f L x : (1 <= p)%nat -> lipschitz L f -> 0 <= x <= 1 ->
  Rabs (value (interpolant p (fun i => f (INR i / INR p))) x - f x) <= L / (2 * INR p).
Proof.
  intros positive smooth unit; destruct (place p x positive unit) as (j & range & low & high).
  rewrite (interpolant_chord _ _ j) by (split || idtac; assumption).
  pose proof (lt_0_INR p ltac:(lia)) as some.
  pose proof (place_unit p j positive ltac:(lia)) as unit0.
  pose proof (place_unit p (S j) positive ltac:(lia)) as unit1.
  pose proof (smooth x (INR j / INR p) unit unit0) as near0.
  pose proof (smooth x (INR (S j) / INR p) unit unit1) as near1.
  rewrite (Rabs_right (x - _)) in near0 by lra; rewrite (Rabs_left1 (x - _)) in near1 by lra.
  assert (scale : 0 <= L).
  { pose proof (smooth 1 0 ltac:(lra) ltac:(lra)) as whole; pose proof (Rabs_pos (f 1 - f 0)).
    rewrite Rminus_0_r, Rabs_R1 in whole; lra. }
  unfold chord; rewrite S_INR in *.
  set (t := INR p * (x - INR j / INR p)).
  assert (place : x = (INR j + t) / INR p) by (unfold t; field; lra).
  replace (INR p * _ * (x - INR j / INR p))
    with (t * (f ((INR j + 1) / INR p) - f (INR j / INR p))) by (unfold t; ring).
  replace (L / (2 * INR p)) with (L / INR p / 2) by (field; lra).
  assert (0 < / INR p) by (apply Rinv_0_lt_compat; lra).
  apply chord_step.
  - unfold Rdiv in *; split; apply (Rmult_le_reg_r (/ INR p)); lra.
  - apply Rmult_le_pos; lra.
  - replace (L / INR p * t) with (L * (x - INR j / INR p)) by (unfold t; field; lra); exact near0.
  - replace (L / INR p * (1 - t)) with (L * - (x - (INR j + 1) / INR p)) by (unfold t; field; lra).
    exact near1.
Qed.

(** * The bound is attained *)

(* One tooth of slopes L and -L between 0 and 1/p. *)
Definition one_tooth (L c x : R) : R := L * Rmax 0 (Rmin x (c - x)).

Lemma one_tooth_lipschitz L c : 0 <= L -> lipschitz L (one_tooth L c).
Proof.
  intros scale x y _ _; unfold one_tooth; rewrite <- Rmult_minus_distr_l, Rabs_mult.
  rewrite (Rabs_right L) by lra; apply Rmult_le_compat_l; [assumption|].
  unfold Rmin; destruct (Rle_dec x (c - x)), (Rle_dec y (c - y)); unfold Rmax;
    repeat destruct (Rle_dec 0 _); unfold Rabs; repeat destruct (Rcase_abs _); lra.
Qed.

Lemma one_tooth_miss p L : (1 <= p)%nat -> 0 <= L ->
  let f := one_tooth L (1 / INR p) in
  Rabs (value (interpolant p (fun i => f (INR i / INR p))) (1 / (2 * INR p)) - f (1 / (2 * INR p)))
  = L / (2 * INR p).
Proof.
  intros positive scale f; pose proof (lt_0_INR p ltac:(lia)) as some.
  assert (0 < / INR p) by (apply Rinv_0_lt_compat; lra).
  assert (half : 1 / (2 * INR p) = / INR p / 2) by (field; lra); rewrite half.
  rewrite (interpolant_chord p _ 0) by (lia || (simpl; unfold Rdiv; lra)).
  unfold chord, f, one_tooth; simpl INR; unfold Rdiv; rewrite !Rmult_0_l, !Rmult_1_l.
  rewrite Rmin_left, (Rmin_right (/ INR p)), (Rmin_left (/ INR p * / 2)) by lra.
  rewrite Rminus_eq_0, !(Rmax_left 0 0), Rmax_right by lra.
  rewrite Rabs_left1 by nra; rewrite Rinv_mult; ring.
Qed.

(** * Pieces, and rational values *)

Lemma chord_end p v : chord (S p) v p (INR (S p) / INR (S p)) = v (S p).
Proof.
  pose proof (lt_0_INR (S p) ltac:(lia)); unfold chord; rewrite (S_INR p) in *; field; lra.
Qed.

Lemma interpolant_at p v i : (1 <= p)%nat -> (i <= p)%nat ->
  value (interpolant p v) (INR i / INR p) = v i.
Proof.
  intros positive range; destruct (Nat.eq_dec i p) as [->|other].
  - destruct p as [|k]; [lia|]; rewrite (interpolant_chord (S k) v k), chord_end;
    [reflexivity|lia|].
    pose proof (place_order (S k) k (S k) positive ltac:(lia)); lra.
  - rewrite (interpolant_chord p v i); [unfold chord; ring|lia|].
    pose proof (place_order p i (S i) positive ltac:(lia)); lra.
Qed.

Lemma interpolant_pieces p v : (1 <= p)%nat -> pieces p (value (interpolant p v)) 0 1.
Proof.
  intro positive; pose proof (lt_0_INR p ltac:(lia)) as some.
  enough (all : forall n j, (j + n = p)%nat ->
    pieces n (value (interpolant p v)) (INR j / INR p) 1).
  { replace 0 with (INR 0 / INR p) by (simpl; field; lra); apply all; lia. }
  induction n as [|n IH]; intros j sum.
  - replace j with p by lia; simpl; field; lra.
  - pose proof (place_order p j (S j) positive ltac:(lia)).
    pose proof (place_unit p (S j) positive ltac:(lia)).
    exists (INR (S j) / INR p); split; [lra|]; split; [|apply IH; lia].
    exists (INR p * (v (S j) - v j)), (v j - INR p * (v (S j) - v j) * (INR j / INR p)).
    intros x between; rewrite (interpolant_chord p v j) by (lia || assumption); unfold chord; ring.
Qed.

Lemma Q2R_of_nat n : Q2R (of_nat n) = INR n.
Proof. unfold of_nat; rewrite Q2R_integer, INR_IZR_INZ; reflexivity. Qed.

Lemma of_nat_nonzero p : (1 <= p)%nat -> ~ (of_nat p == 0)%Q.
Proof. intros positive zero; unfold of_nat, Qeq in zero; simpl in zero; lia. Qed.

Lemma Q2R_turn p v i : Q2R (turn_Q p v i) = turn p (fun i => Q2R (v i)) i.
Proof.
  unfold turn_Q, turn; rewrite Q2R_minus, Q2R_mult, Q2R_minus, Q2R_of_nat.
  destruct i; [|rewrite Q2R_mult, Q2R_minus, Q2R_of_nat; reflexivity].
  replace (Q2R 0) with 0 by (unfold Q2R; simpl; ring); reflexivity.
Qed.

Lemma interpolant_rational p v : (1 <= p)%nat ->
  real (interpolant_Q p v) = interpolant p (fun i => Q2R (v i)).
Proof.
  intro positive; unfold interpolant, interpolant_Q, real, real_layer; simpl; rewrite !map_map.
  assert (one : map Q2R [1%Q] = [1]) by (unfold Q2R; simpl; f_equal; field).
  apply f_equal2; [apply f_equal2|apply f_equal2; [apply f_equal2|reflexivity]].
  - clear positive; induction p as [|n IH]; [reflexivity|]; simpl; rewrite <- IH, <- one;
    reflexivity.
  - apply map_ext; intro i; rewrite Q2R_opp, Q2R_div, !Q2R_of_nat by (apply of_nat_nonzero;
    assumption).
    reflexivity.
  - apply f_equal2; [|reflexivity]; apply map_ext; intro i; apply Q2R_turn.
  - reflexivity.
Qed.

(** * The theorem *)

(* For every p >= 1:
   - the network through values v_i at i/p has these values there, and p affine pieces on [0, 1];
   - through the values of an L-Lipschitz function f it is within L/(2p) of f on [0, 1];
   - for every L some L-Lipschitz function (a tooth of slopes L and -L) is L/(2p) away somewhere;
   - with rational values the weights are rational. *)
Theorem universal_step p : (1 <= p)%nat ->
  (forall v i, (i <= p)%nat -> value (interpolant p v) (INR i / INR p) = v i) /\
  (forall v, pieces p (value (interpolant p v)) 0 1) /\
  (forall L f x, lipschitz L f -> 0 <= x <= 1 ->
    Rabs (value (interpolant p (fun i => f (INR i / INR p))) x - f x) <= L / (2 * INR p)) /\
  (forall L, 0 <= L -> exists f x, lipschitz L f /\ 0 <= x <= 1 /\
    Rabs (value (interpolant p (fun i => f (INR i / INR p))) x - f x) = L / (2 * INR p)) /\
  (forall v, real (interpolant_Q p v) = interpolant p (fun i => Q2R (v i))).
Proof.
  intro positive; pose proof (lt_0_INR p ltac:(lia)) as some.
  split; [intros; apply interpolant_at; assumption|].
  split; [intros; apply interpolant_pieces; assumption|].
  split; [intros; apply interpolant_error; assumption|].
  split; [|intros; apply interpolant_rational; assumption].
  intros L scale; exists (one_tooth L (1 / INR p)), (1 / (2 * INR p)).
  split; [apply one_tooth_lipschitz; assumption|]; split; [|apply one_tooth_miss; assumption].
  pose proof (place_unit p 1 positive ltac:(lia)) as unit; simpl INR in unit.
  replace (1 / (2 * INR p)) with (1 / INR p / 2) by (field; lra); lra.
Qed.
