(* Yarotsky's ReLU network for x²: for every m the error on [0, 1] is exactly 4^(-m-1), reached
   exactly at the odd multiples of 2^(-m-1). *)

Require Import List Reals QArith Qreals Lra Lia Psatz.
From Gallery Require Import Net NetFacts Tooth.
Import ListNotations.
Open Scope R_scope.

(** * What is stated *)

(* f_m(x) = x - Σ_{1 ≤ s ≤ m} g_s(x) / 4^s. *)
Fixpoint square (m : nat) (x : R) : R :=
  match m with
  | O => x
  | S m' => square m' x - teeth m x / 4 ^ m
  end.

(* The network: hidden layers of three neurons, which hold relu(t), relu(t - 1/2) and the sum so
   far, where t = g_s(x). The last row subtracts g_s(x)/4^s from that sum. *)
Fixpoint quarter (s : nat) : Q :=
  match s with
  | O => 1
  | S s' => (1 # 4) * quarter s'
  end.
Definition first_layer : layer Q := Layer [[1]; [1]; [1]]%Q [0; -1 # 2; 0]%Q.
Definition rest_row (s : nat) : list Q := [-(2) * quarter s; 4 * quarter s; 1]%Q.
Definition hidden_layer (s : nat) : layer Q :=
  Layer [[2; -(4); 0]; [2; -(4); 0]; rest_row s]%Q [0; -1 # 2; 0]%Q.
Definition last_layer (m : nat) : layer Q := Layer [rest_row m] [0]%Q.
Definition square_net (m : nat) : network Q :=
  first_layer :: map hidden_layer (seq 1 (m - 1)) ++ [last_layer m].

(** * The functions *)

(* The step of the induction: 4 (t - t²) - g(t) = g(t) - g(t)². *)
Lemma tooth_step t : 4 * (t - t ^ 2) - tooth t = tooth t - tooth t ^ 2.
Proof.
  destruct (Rle_or_lt t (1 / 2)); [rewrite tooth_left by lra|rewrite tooth_right by lra]; ring.
Qed.

(* e_m(x) = 4^-m e_0(g_m(x)), with e_m = f_m - x² and e_0(t) = t - t². *)
Lemma error_of_square m x : square m x - x ^ 2 = (teeth m x - teeth m x ^ 2) / 4 ^ m.
Proof.
  induction m as [|m IH]; [unfold teeth; simpl; field|].
  change (square (S m) x) with (square m x - tooth (teeth m x) / 4 ^ S m).
  change (teeth (S m) x) with (tooth (teeth m x)).
  replace (_ - _ - x ^ 2) with (square m x - x ^ 2 - tooth (teeth m x) / 4 ^ S m) by ring.
  rewrite IH, <- tooth_step; simpl; field; apply pow_nonzero; lra.
Qed.

Lemma error_bounds m x : 0 <= x <= 1 -> 0 <= square m x - x ^ 2 <= / 4 ^ (m + 1).
Proof.
  intro unit; rewrite error_of_square.
  pose proof (teeth_unit m x unit) as [low high]; revert low high.
  generalize (teeth m x); intros t low high.
  assert (0 < / 4 ^ m) by (apply Rinv_0_lt_compat, pow_lt; lra).
  assert (/ 4 ^ (m + 1) = 1 / 4 * / 4 ^ m) as ->.
  { rewrite pow_add; simpl; field; apply pow_nonzero; lra. }
  assert (0 <= t - t ^ 2 <= 1 / 4).
  { pose proof (pow2_ge_0 (t - 1 / 2)); split; nra. }
  unfold Rdiv in *; split; [apply Rmult_le_pos|apply Rmult_le_compat_r]; lra.
Qed.

Lemma error_greatest m x : square m x - x ^ 2 = / 4 ^ (m + 1) <-> teeth m x = 1 / 2.
Proof.
  rewrite error_of_square; generalize (teeth m x); intro t.
  assert (0 < / 4 ^ m) by (apply Rinv_0_lt_compat, pow_lt; lra).
  assert (/ 4 ^ (m + 1) = 1 / 4 * / 4 ^ m) as ->.
  { rewrite pow_add; simpl; field; apply pow_nonzero; lra. }
  unfold Rdiv; split; [|intros ->; lra].
  intro found; apply Rmult_eq_reg_r in found; [|lra].
  assert (square0 : (t - 1 / 2) * (t - 1 / 2) = 0) by lra.
  apply Rmult_integral in square0; destruct square0; lra.
Qed.

(** * Where g_m is 1/2 *)

Definition odd_multiple (m : nat) (x : R) : Prop := exists k : Z, x = IZR (2 * k + 1) / 2 ^ (m + 1).

(* Twice an odd multiple of 2^(-m-2), and 2 minus that, are odd multiples of 2^(-m-1); and back. *)
Lemma odd_multiple_twice m x : odd_multiple (S m) x <-> odd_multiple m (2 * x).
Proof.
  assert (2 ^ (m + 1) <> 0) by (apply pow_nonzero; lra).
  unfold odd_multiple; simpl pow; split; intros [k found]; exists k.
  - rewrite found; field; assumption.
  - replace x with (2 * x / 2) by field; rewrite found; field; assumption.
Qed.

Lemma IZR_power2 m : IZR (2 ^ Z.of_nat m) = 2 ^ m.
Proof. rewrite pow_IZR; reflexivity. Qed.

Lemma odd_multiple_mirror m x : odd_multiple m x -> odd_multiple m (2 - x).
Proof.
  intros [k ->]; exists (2 * 2 ^ Z.of_nat m - k - 1)%Z.
  assert (2 ^ m <> 0) by (apply pow_nonzero; lra).
  rewrite !plus_IZR, !mult_IZR, !minus_IZR, mult_IZR, IZR_power2, pow_add; field; assumption.
Qed.

Lemma teeth_half m x : 0 <= x <= 1 -> teeth m x = 1 / 2 <-> odd_multiple m x.
Proof.
  revert x; induction m as [|m IH]; intros x unit.
  - change (x = 1 / 2 <-> odd_multiple 0 x); unfold odd_multiple.
    replace (2 ^ (0 + 1)) with 2 by (simpl; ring).
    split; [intros ->; exists 0%Z; reflexivity|].
    intros [k found]; rewrite plus_IZR, mult_IZR in found.
    assert (IZR (-1) < IZR k < IZR 1) as [low high] by lra.
    apply lt_IZR in low, high; replace k with 0%Z in found by lia; lra.
  - rewrite teeth_tooth, (IH _ (tooth_unit x unit)), odd_multiple_twice.
    destruct (Rle_or_lt x (1 / 2)); [rewrite tooth_left by lra; reflexivity|].
    rewrite tooth_right by lra; split; intro found; apply odd_multiple_mirror in found;
      [replace (2 * x) with (2 - (2 - 2 * x)) by lra|]; assumption.
Qed.

(** * The network *)

Lemma Q2R_quarter s : Q2R (quarter s) = / 4 ^ s.
Proof.
  induction s as [|s IH]; [unfold Q2R; simpl; field|].
  simpl; rewrite Q2R_mult, IH; unfold Q2R; simpl; field; apply pow_nonzero; lra.
Qed.

Lemma Q2R_rest_row s :
  map Q2R (rest_row s) = [- 2 * / 4 ^ s; 4 * / 4 ^ s; 1].
Proof.
  unfold rest_row; simpl map; rewrite !Q2R_mult, Q2R_quarter.
  repeat f_equal; unfold Q2R; simpl; lra.
Qed.

(* What the hidden layers hold when t = g_s(x) and the sum so far is S ≥ 0. *)
Definition held (t S : R) : list R := [relu t; relu (t - 1 / 2); relu S].

Lemma first_holds x : map relu (apply (real_layer first_layer) [x]) = held x x.
Proof. unfold held; weights; same_entries. Qed.

Lemma rest_holds s t S : 0 <= t <= 1 -> 0 <= S ->
  dot (map Q2R (rest_row s)) (held t S) = S - tooth t / 4 ^ s.
Proof.
  intros; rewrite Q2R_rest_row, tooth_of_relu by assumption; unfold held; simpl dot.
  rewrite (relu_active S) by assumption; unfold Rdiv; ring.
Qed.

Lemma hidden_holds s t S : 0 <= t <= 1 -> 0 <= S ->
  map relu (apply (real_layer (hidden_layer s)) (held t S)) = held (tooth t) (S - tooth t / 4 ^ s).
Proof.
  intros unit sum; unfold apply, real_layer, hidden_layer, weight, bias.
  rewrite !map_cons; simpl rows; rewrite <- (rest_holds s t S unit sum).
  unfold held; rewrite (tooth_of_relu t unit); weights; same_entries.
Qed.

Lemma square_nonnegative m x : 0 <= x <= 1 -> 0 <= square m x.
Proof. intro unit; pose proof (error_bounds m x unit); nra. Qed.

(* From hidden layer s + 1 on, with d layers more to come. *)
Lemma net_from d : forall s x, 0 <= x <= 1 ->
  run (real (map hidden_layer (seq (S s) d) ++ [last_layer (S s + d)]))
      (held (teeth s x) (square s x)) = [square (S s + d) x].
Proof.
  induction d as [|d IH]; intros s x unit;
    pose proof (teeth_unit s x unit); pose proof (square_nonnegative s x unit).
  - rewrite Nat.add_0_r.
    change ([dot (map Q2R (rest_row (S s))) (held (teeth s x) (square s x)) + Q2R 0]
      = [square s x - tooth (teeth s x) / 4 ^ S s]).
    rewrite rest_holds by assumption; f_equal; unfold Q2R; simpl; lra.
  - replace (S s + S d)%nat with (S (S s) + d)%nat by lia.
    rewrite <- IH by assumption.
    change (seq (S s) (S d)) with (S s :: seq (S (S s)) d).
    simpl map; simpl app.
    change (real (hidden_layer (S s) :: ?r)) with (real_layer (hidden_layer (S s)) :: real r).
    set (rest := _ ++ _).
    replace (held (teeth (S s) x) (square (S s) x))
      with (map relu (apply (real_layer (hidden_layer (S s))) (held (teeth s x) (square s x))))
      by (apply hidden_holds; assumption).
    destruct (real rest) eqn:empty; [|reflexivity].
    unfold rest in empty; apply map_eq_nil, app_eq_nil in empty; now destruct empty.
Qed.

Lemma net_is_square m x : (1 <= m)%nat -> 0 <= x <= 1 -> value (real (square_net m)) x = square m x.
Proof.
  intros positive unit; destruct m as [|d]; [lia|].
  unfold value, output, square_net; rewrite Nat.sub_succ, Nat.sub_0_r.
  pose proof (net_from d 0 x unit) as found.
  change (1 + d)%nat with (S d) in found.
  change (teeth 0 x) with x in found; change (square 0 x) with x in found.
  rewrite <- (first_holds x) in found.
  change (real (first_layer :: ?r)) with (real_layer first_layer :: real r).
  destruct (real (map hidden_layer (seq 1 d) ++ [last_layer (S d)])) eqn:empty.
  - apply map_eq_nil, app_eq_nil in empty; now destruct empty.
  - rewrite run_step, found; reflexivity.
Qed.

Lemma net_parameters m : (1 <= m)%nat -> parameters (square_net m) = (12 * m - 2)%nat.
Proof.
  intro positive; destruct m as [|d]; [lia|].
  enough (rest : forall d s, parameters (map hidden_layer (seq s d) ++ [last_layer (S d)])
    = (12 * d + 4)%nat).
  { unfold square_net; rewrite Nat.sub_succ, Nat.sub_0_r; simpl parameters; rewrite rest.
    unfold layer_parameters; simpl; lia. }
  clear; intros d; generalize (S d) as last; induction d as [|d IH]; intros last s; [reflexivity|].
  simpl parameters; rewrite IH; unfold layer_parameters; simpl; lia.
Qed.

Lemma net_depth m : (1 <= m)%nat ->
  map width (square_net m) = repeat 3%nat m ++ [1%nat].
Proof.
  intro positive; destruct m as [|d]; [lia|].
  unfold square_net; rewrite Nat.sub_succ, Nat.sub_0_r, map_cons, map_app, map_map.
  simpl repeat; simpl app; f_equal; f_equal.
  clear positive.
  enough (all : forall s, map (fun s => width (hidden_layer s)) (seq s d) = repeat 3%nat d)
    by apply all.
  induction d as [|d IH]; intro s; [reflexivity|]; simpl; f_equal; apply IH.
Qed.

(** * The theorem *)

(* For every m ≥ 1:
   - the network has m hidden layers of three neurons and one output, and 12 m - 2 parameters;
   - on [0, 1] it computes f_m;
   - 4^(-m-1) is the supremum of |f_m(x) - x²| over [0, 1];
   - it is reached exactly at the odd multiples of 2^(-m-1). *)
Theorem yarotsky_square m : (1 <= m)%nat ->
  map width (square_net m) = repeat 3%nat m ++ [1%nat] /\
  parameters (square_net m) = (12 * m - 2)%nat /\
  (forall x, 0 <= x <= 1 -> value (real (square_net m)) x = square m x) /\
  is_lub (fun e => exists x, 0 <= x <= 1 /\ e = Rabs (value (real (square_net m)) x - x ^ 2))
    (/ 4 ^ (m + 1)) /\
  (forall x, 0 <= x <= 1 ->
    Rabs (value (real (square_net m)) x - x ^ 2) = / 4 ^ (m + 1) <->
    exists k : Z, x = IZR (2 * k + 1) / 2 ^ (m + 1)).
Proof.
  intro positive.
  assert (error : forall x, 0 <= x <= 1 ->
    Rabs (value (real (square_net m)) x - x ^ 2) = square m x - x ^ 2).
  { intros x unit; rewrite net_is_square by assumption.
    apply Rabs_right, Rle_ge, (error_bounds m x unit). }
  assert (reached : forall x, 0 <= x <= 1 ->
    Rabs (value (real (square_net m)) x - x ^ 2) = / 4 ^ (m + 1) <-> odd_multiple m x).
  { intros x unit; rewrite error, error_greatest, teeth_half by assumption; reflexivity. }
  split; [apply net_depth; assumption|].
  split; [apply net_parameters; assumption|].
  split; [intros; apply net_is_square; assumption|].
  split; [|exact reached].
  split.
  - intros e (x & unit & ->); rewrite error by assumption; apply error_bounds; assumption.
  - intros bound above; apply above.
    assert (unit : 0 <= IZR (2 * 0 + 1) / 2 ^ (m + 1) <= 1).
    { assert (1 <= 2 ^ (m + 1)) by (apply pow_R1_Rle; lra).
      assert (0 < / 2 ^ (m + 1) <= / 1).
      { split; [apply Rinv_0_lt_compat|apply Rinv_le_contravar]; lra. }
      simpl; unfold Rdiv; lra. }
    eexists; split; [exact unit|]; symmetry; apply reached; [assumption|exists 0%Z; reflexivity].
Qed.
