(* Yarotsky's network for the product: for every m it is 0 on both axes, and its error on [-1, 1]²
   is exactly 4^-m, reached at x = y = 2^-m. *)

Require Import List Reals QArith Qreals Lra Lia Psatz.
From Gallery Require Import Net NetFacts Tooth YarotskySquare ProductNet.
Import ListNotations.
Open Scope R_scope.

(** * The error *)

Definition error (m : nat) (t : R) : R := value (real (square_net m)) t - t ^ 2.

Lemma error_within m t : (1 <= m)%nat -> 0 <= t <= 1 -> 0 <= error m t <= / 4 ^ (m + 1).
Proof.
  intros positive unit; unfold error; rewrite net_is_square by assumption.
  apply error_bounds; assumption.
Qed.

(* Where the saw is at its ends, the network is exact. *)
Lemma error_zero m t : (1 <= m)%nat -> 0 <= t <= 1 ->
  teeth m t = 0 \/ teeth m t = 1 -> error m t = 0.
Proof.
  intros positive unit ends; unfold error; rewrite net_is_square by assumption.
  rewrite error_of_square; destruct ends as [-> | ->]; unfold Rdiv; ring.
Qed.

(* x y = 2 [((x + y)/2)² - (x/2)² - (y/2)²], so that the squares cancel. *)
Lemma product_error m x y : product m x y - x * y =
  2 * (error m (Rabs (x + y) / 2) - error m (Rabs x / 2) - error m (Rabs y / 2)).
Proof.
  unfold product, error; simpl; unfold Rdiv.
  assert (square : forall z, Rabs z * / 2 * (Rabs z * / 2 * 1) = z * z / 4).
  { intro z; transitivity (Rabs z * Rabs z / 4); [field|].
    rewrite <- Rabs_mult, Rabs_right by nra; reflexivity. }
  rewrite !square; field.
Qed.

Lemma half_unit z w : Rabs z <= w -> w <= 2 -> 0 <= Rabs z / 2 <= 1.
Proof. intros; pose proof (Rabs_pos z); lra. Qed.

Lemma teeth_zero m : teeth m 0 = 0.
Proof.
  induction m as [|m IH]; [reflexivity|].
  rewrite teeth_tooth, tooth_left, Rmult_0_r by lra; exact IH.
Qed.

Lemma power_half m : 0 < / 2 ^ S m <= 1 / 2.
Proof.
  assert (1 <= 2 ^ m) by (apply pow_R1_Rle; lra).
  assert (0 < / 2 ^ m <= / 1) by (split; [apply Rinv_0_lt_compat|apply Rinv_le_contravar]; lra).
  replace (/ 2 ^ S m) with (/ 2 ^ m * / 2) by (simpl; field; lra); lra.
Qed.

Lemma teeth_power m : teeth m (/ 2 ^ m) = 1.
Proof.
  induction m as [|m IH]; [unfold teeth; simpl; field|].
  rewrite teeth_tooth, tooth_left by (pose proof (power_half m); lra).
  replace (2 * / 2 ^ S m) with (/ 2 ^ m); [exact IH|simpl; field; apply pow_nonzero; lra].
Qed.

Lemma fourth m : / 4 ^ (m + 1) = / 4 ^ m / 4.
Proof. rewrite pow_add; simpl; field; apply pow_nonzero; lra. Qed.

(** * The theorem *)

(* For every m >= 1:
   - the product is computed, at all inputs, by a network of m + 1 hidden layers, the first of 6 and
     the others of 9 neurons;
   - the product is 0 where x or y is, for all numbers with |x|, |y| <= 2;
   - 4^-m is the supremum of |product - x y| over [-1, 1]², and it is reached at x = y = 2^-m. *)
Theorem yarotsky_product m : (1 <= m)%nat ->
  map width (product_net m) = 6%nat :: repeat 9%nat m ++ [1%nat] /\
  (forall x y, output (real (product_net m)) [x; y] = product m x y) /\
  (forall x, Rabs x <= 2 -> product m x 0 = 0 /\ product m 0 x = 0) /\
  is_lub (fun e => exists x y, -1 <= x <= 1 /\ -1 <= y <= 1 /\ e = Rabs (product m x y - x * y))
    (/ 4 ^ m) /\
  product m (/ 2 ^ m) (/ 2 ^ m) - / 2 ^ m * / 2 ^ m = - / 4 ^ m.
Proof.
  intro positive.
  assert (power : 0 < / 4 ^ m) by (apply Rinv_0_lt_compat, pow_lt; lra).
  assert (zero : error m 0 = 0) by (apply error_zero; [assumption|lra|left; apply teeth_zero]).
  assert (reached : product m (/ 2 ^ m) (/ 2 ^ m) - / 2 ^ m * / 2 ^ m = - / 4 ^ m).
  { destruct m as [|k]; [lia|]; pose proof (power_half k).
    rewrite product_error, !Rabs_right by lra.
    replace ((/ 2 ^ S k + / 2 ^ S k) / 2) with (/ 2 ^ S k) by lra.
    rewrite (error_zero (S k) (/ 2 ^ S k)) by (lra || assumption || (right; apply teeth_power)).
    assert (error (S k) (/ 2 ^ S k / 2) = / 4 ^ (S k + 1)) as ->; [|rewrite fourth; lra].
    unfold error; rewrite net_is_square by (assumption || lra).
    apply error_greatest, teeth_half; [lra|]; exists 0%Z.
    rewrite pow_add; simpl; field; apply pow_nonzero; lra. }
  split; [apply product_net_width; assumption|].
  split; [intros; apply product_net_value; assumption|].
  split; [|split; [|exact reached]].
  - intros x small; assert (unit : 0 <= Rabs x / 2 <= 1) by (apply (half_unit x 2); lra).
    pose proof (product_error m x 0) as first; pose proof (product_error m 0 x) as second.
    rewrite Rplus_0_r in first; rewrite Rplus_0_l in second.
    replace (Rabs 0 / 2) with 0 in * by (rewrite Rabs_R0; lra); lra.
  - split.
    + intros e (x & y & inx & iny & ->); rewrite product_error.
      assert (Rabs x <= 1) by (apply Rabs_le; lra); assert (Rabs y <= 1) by (apply Rabs_le; lra).
      assert (Rabs (x + y) <= 2) by (apply Rabs_le; lra).
      pose proof (error_within m (Rabs (x + y) / 2) positive (half_unit (x + y) 2 ltac:(lra)
        ltac:(lra))).
      pose proof (error_within m (Rabs x / 2) positive (half_unit x 1 ltac:(lra) ltac:(lra))).
      pose proof (error_within m (Rabs y / 2) positive (half_unit y 1 ltac:(lra) ltac:(lra))).
      rewrite fourth in *; apply Rabs_le; lra.
    + intros bound above; apply above; exists (/ 2 ^ m), (/ 2 ^ m).
      destruct m as [|k]; [lia|]; pose proof (power_half k).
      rewrite reached, Rabs_Ropp, Rabs_right by lra; repeat split; lra.
Qed.
