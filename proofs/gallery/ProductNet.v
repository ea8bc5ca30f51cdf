(* The network for x y: three copies of the network for x², side by side, behind |x + y|/2, |x|/2
   and |y|/2. *)

Require Import List Reals QArith Qreals Lra Lia.
From Gallery Require Import Net NetFacts Tooth YarotskySquare Expressions.
Import ListNotations.
Open Scope R_scope.

(** * What is stated *)

(* What N(x, y) is: f is the network for the square. *)
Definition product (m : nat) (x y : R) : R :=
  let f := value (real (square_net m)) in
  2 * (f (Rabs (x + y) / 2) - f (Rabs x / 2) - f (Rabs y / 2)).

(* A layer of c inputs three times, side by side. *)
Definition pad (before after : nat) (row : list Q) : list Q :=
  repeat 0%Q before ++ row ++ repeat 0%Q after.
Definition triple (c : nat) (l : layer Q) : layer Q :=
  let W := weight l in
  Layer (map (pad 0 (c + c)) W ++ map (pad c c) W ++ map (pad (c + c) 0) W)
    (bias l ++ bias l ++ bias l).

(* relu(z) and relu(-z) for z = x + y, x and y; the first layer of the square, of |z|/2; and the
   sum. *)
Definition opening : layer Q :=
  Layer [[1; 1]; [-(1); -(1)]; [1; 0]; [-(1); 0]; [0; 1]; [0; -(1)]]%Q [0; 0; 0; 0; 0; 0]%Q.
Definition half_layer : layer Q :=
  Layer [[1 # 2; 1 # 2]; [1 # 2; 1 # 2]; [1 # 2; 1 # 2]]%Q [0; -1 # 2; 0]%Q.
Definition closing (m : nat) : layer Q :=
  let row c := map (Qmult c) (rest_row m) in
  Layer [row 2 ++ row (-(2)) ++ row (-(2))]%Q [0]%Q.
Definition product_net (m : nat) : network Q :=
  opening :: triple 2 half_layer ::
  map (fun s => triple 3 (hidden_layer s)) (seq 1 (m - 1)) ++ [closing m].

(** * Layers side by side *)

Lemma rows_app W : forall W' b b' x, length W = length b ->
  rows (W ++ W') (b ++ b') x = rows W b x ++ rows W' b' x.
Proof.
  induction W as [|w W IH]; intros W' [|b0 b] b' x same; simpl in *; try easy.
  rewrite IH by lia; reflexivity.
Qed.

Lemma zeros_real n : map Q2R (repeat 0%Q n) = repeat 0 n.
Proof.
  induction n as [|n IH]; simpl; [reflexivity|]; rewrite IH; f_equal; unfold Q2R; simpl; ring.
Qed.

Lemma dot_zeros n : forall x, dot (repeat 0 n) x = 0.
Proof. induction n as [|n IH]; intros [|x0 x]; simpl; try reflexivity; rewrite IH; ring. Qed.

(* What is padded reads the middle. *)
Lemma rows_padded W n k u v x : length u = n -> (forall w, In w W -> length w = length v) ->
  forall b, rows (map (map Q2R) (map (pad n k) W)) b (u ++ v ++ x) = rows (map (map Q2R) W) b v.
Proof.
  intros long sizes; induction W as [|w W IH]; intro b; simpl; [reflexivity|].
  rewrite IH by (intros; apply sizes; now right); f_equal; f_equal.
  unfold pad; rewrite !map_app, !zeros_real, <- long, dot_after, dot_app, dot_zeros; [ring|].
  rewrite map_length; apply sizes; now left.
Qed.

Lemma triple_apply c l u v w : length u = c -> length v = c -> length w = c ->
  length (weight l) = length (bias l) -> (forall row, In row (weight l) -> length row = c) ->
  apply (real_layer (triple c l)) (u ++ v ++ w) =
  apply (real_layer l) u ++ apply (real_layer l) v ++ apply (real_layer l) w.
Proof.
  intros long_u long_v long_w same sizes; unfold apply, real_layer, triple; simpl.
  rewrite !map_app, !rows_app by (rewrite !map_length; exact same).
  pose proof (rows_padded (weight l) 0 (c + c) [] u (v ++ w) eq_refl) as first.
  pose proof (rows_padded (weight l) c c u v w long_u) as second.
  pose proof (rows_padded (weight l) (c + c) 0 (u ++ v) w []) as third.
  rewrite app_nil_r, <- app_assoc in third; simpl app in first.
  rewrite first, second, third; [reflexivity|..]; rewrite ?app_length; try lia.
  all: intros row inside; rewrite (sizes row inside); congruence.
Qed.

Lemma rows_length W : forall b x, length (rows W b x) = length W.
Proof. induction W as [|w W IH]; intros b x; simpl; [reflexivity|]; rewrite IH; reflexivity. Qed.

(** * The network *)

(* What is left of the square network behind its first layer, and of the three. *)
Definition tail (m s d : nat) : network R := real (map hidden_layer (seq s d) ++ [last_layer m]).
Definition tails (m s d : nat) : network R :=
  real (map (fun s => triple 3 (hidden_layer s)) (seq s d) ++ [closing m]).

Lemma run_first l r x : r <> [] -> run (l :: r) x = run r (map relu (apply l x)).
Proof. destruct r; [easy|reflexivity]. Qed.

Lemma tail_some m s d : tail m s d <> [].
Proof. unfold tail, real; intro none; apply map_eq_nil, app_eq_nil in none; now destruct none. Qed.

Lemma tails_some m s d : tails m s d <> [].
Proof. unfold tails, real; intro none; apply map_eq_nil, app_eq_nil in none; now destruct none. Qed.

Lemma closing_sum m u v w : length u = 3%nat -> length v = 3%nat -> length w = 3%nat ->
  output (real [closing m]) (u ++ v ++ w) = 2 * (output (real [last_layer m]) u
    - output (real [last_layer m]) v - output (real [last_layer m]) w).
Proof.
  intros long_u long_v long_w; unfold output.
  assert (scaled : forall c row, map Q2R (map (Qmult c) row) = map (Rmult (Q2R c)) (map Q2R row)).
  { intros c row; rewrite !map_map; apply map_ext; intro; apply Q2R_mult. }
  assert (zero : Q2R 0 = 0) by (unfold Q2R; simpl; ring).
  assert (two : Q2R 2 = 2) by (unfold Q2R; simpl; field).
  change (run (real [last_layer m]) ?x) with [dot (map Q2R (rest_row m)) x + Q2R 0].
  change (run (real [closing m]) (u ++ v ++ w)) with
    [dot (map Q2R (map (Qmult 2) (rest_row m) ++ map (Qmult (-(2))) (rest_row m)
      ++ map (Qmult (-(2))) (rest_row m))%Q) (u ++ v ++ w) + Q2R 0].
  cbn [hd]; rewrite !map_app, !scaled, !dot_app, !dot_scaled, Q2R_opp, two, zero;
    [ring|rewrite !map_length; simpl; lia..].
Qed.

Lemma tails_run m d : forall s u v w, length u = 3%nat -> length v = 3%nat -> length w = 3%nat ->
  output (tails m s d) (u ++ v ++ w) =
  2 * (output (tail m s d) u - output (tail m s d) v - output (tail m s d) w).
Proof.
  induction d as [|d IH]; intros s u v w long_u long_v long_w.
  - apply closing_sum; assumption.
  - change (tails m s (S d)) with (real_layer (triple 3 (hidden_layer s)) :: tails m (S s) d).
    change (tail m s (S d)) with (real_layer (hidden_layer s) :: tail m (S s) d).
    unfold output; rewrite !run_first by (apply tails_some || apply tail_some).
    rewrite triple_apply, !map_app; try assumption; try reflexivity.
    + apply IH; unfold apply; rewrite map_length, rows_length; reflexivity.
    + intros row [<-|[<-|[<-|[]]]]; reflexivity.
Qed.

Lemma half_layer_holds z : map relu (apply (real_layer half_layer) [relu z; relu (- z)]) =
  map relu (apply (real_layer first_layer) [Rabs z / 2]).
Proof.
  assert (sum : relu z + relu (- z) = Rabs z).
  { pose proof (eval_absolute [z] (Input 0)) as found; simpl in found.
    rewrite <- found; f_equal; f_equal; ring. }
  rewrite <- sum; weights; same_entries.
Qed.

Lemma product_net_value m x y : (1 <= m)%nat -> output (real (product_net m)) [x; y] = product m x
  y.
Proof.
  intro positive.
  assert (square : forall z, value (real (square_net m)) (Rabs z / 2) =
    output (tail m 1 (m - 1)) (map relu (apply (real_layer half_layer) [relu z; relu (- z)]))).
  { intro z; rewrite half_layer_holds; unfold value, output.
    change (real (square_net m)) with (real_layer first_layer :: tail m 1 (m - 1)).
    rewrite run_first by apply tail_some; reflexivity. }
  unfold product; rewrite !square, <- tails_run by reflexivity.
  change (real (product_net m)) with
    (real_layer opening :: real_layer (triple 2 half_layer) :: tails m 1 (m - 1)).
  unfold output; rewrite run_step, run_first by apply tails_some.
  assert (opened : map relu (apply (real_layer opening) [x; y]) =
    [relu (x + y); relu (- (x + y))] ++ [relu x; relu (- x)] ++ [relu y; relu (- y)]).
  { weights; same_entries. }
  rewrite opened, triple_apply, !map_app; try reflexivity.
  intros row [<-|[<-|[<-|[]]]]; reflexivity.
Qed.

Lemma product_net_width m : (1 <= m)%nat ->
  map width (product_net m) = 6%nat :: repeat 9%nat m ++ [1%nat].
Proof.
  intro positive; destruct m as [|d]; [lia|].
  unfold product_net; rewrite Nat.sub_succ, Nat.sub_0_r; simpl; f_equal; f_equal.
  rewrite map_app, map_map; f_equal.
  enough (all : forall s, map (fun s => width (triple 3 (hidden_layer s))) (seq s d) = repeat
    9%nat d)
    by apply all.
  clear positive; induction d as [|d IH]; intro s; [reflexivity|]; simpl; f_equal; apply IH.
Qed.
