(* A ReLU network computes the parity of n bits, also of inputs that are only near bits: for all
   n. *)

Require Import List Reals QArith Qreals Lra Lia.
From Gallery Require Import Net NetFacts Fold.
Import ListNotations.
Open Scope R_scope.

(** * What is stated *)

(* The network: the sum of n bits, folded at 2^(d-1), ..., 2, 1 with d = log2 n, rounded up. *)
Definition parity_net (n : nat) : network Q := fold_net (Nat.log2_up n) (repeat 1%Q n).

(* Bits as numbers, and how many of them are 1. *)
Definition bit (b : bool) : R := if b then 1 else 0.
Definition ones (b : list bool) : nat := count_occ Bool.bool_dec b true.

(* Numbers that are each within delta of a bit. *)
Definition near (delta : R) (x : list R) (b : list bool) : Prop :=
  Forall2 (fun x b => Rabs (x - bit b) <= delta) x b.

(* With a clamp in front of input i: neurons relu(W x_i - (W - 1)/2) and relu(W x_i - (W + 1)/2),
   whose difference is folded in place of x_i. The layer is written from input i on. *)
Fixpoint clamp_weight (W : Q) (i n : nat) : list (list Q) :=
  match n with
  | O => []
  | S n' => (repeat 0 i ++ [W])%Q :: (repeat 0 i ++ [W])%Q :: clamp_weight W (S i) n'
  end.
Fixpoint alternating (a b : Q) (n : nat) : list Q :=
  match n with
  | O => []
  | S n' => a :: b :: alternating a b n'
  end.
Definition clamped_net (W : Q) (n : nat) : network Q :=
  Layer (clamp_weight W 0 n) (alternating (-((W - 1) / 2)) (-((W + 1) / 2)) n)%Q
  :: fold_net (Nat.log2_up n) (alternating 1 (-(1)) n)%Q.

(** * The sum *)

Definition sum (x : list R) : R := fold_right Rplus 0 x.

Lemma read_sum x : dot (map Q2R (repeat 1%Q (length x))) x = sum x.
Proof.
  induction x as [|x0 x IH]; [reflexivity|]; simpl; rewrite IH; unfold Q2R; simpl; unfold sum;
    simpl; lra.
Qed.

Lemma near_length delta x b : near delta x b -> length x = length b.
Proof. induction 1; simpl; congruence. Qed.

Lemma parity_net_value x b delta : near delta x b ->
  output (real (parity_net (length b))) x = folds (Nat.log2_up (length b)) (sum x).
Proof.
  intro close; unfold output, parity_net; rewrite fold_net_run; simpl.
  rewrite <- (near_length delta x b close), read_sum; reflexivity.
Qed.

Lemma ones_le b : (ones b <= length b)%nat.
Proof. apply count_occ_bound. Qed.

Lemma sum_near delta x b : near delta x b ->
  Rabs (sum x - INR (ones b)) <= INR (length b) * delta.
Proof.
  induction 1 as [|x0 b0 x b first rest IH]; [simpl; rewrite Rminus_0_r, Rabs_R0; lra|].
  assert (INR (ones (b0 :: b)) = bit b0 + INR (ones b)) as ->.
  { unfold ones; destruct b0; simpl count_occ; [rewrite S_INR|]; unfold bit; lra. }
  change (sum (x0 :: x)) with (x0 + sum x); change (length (b0 :: b)) with (S (length b)).
  rewrite S_INR, Rmult_plus_distr_r, Rmult_1_l.
  replace (x0 + sum x - _) with (x0 - bit b0 + (sum x - INR (ones b))) by ring.
  pose proof (Rabs_triang (x0 - bit b0) (sum x - INR (ones b))); lra.
Qed.

Lemma folds_ones b : folds (Nat.log2_up (length b)) (INR (ones b)) = parity (ones b).
Proof.
  apply folds_parity; pose proof (ones_le b).
  destruct (Nat.le_gt_cases (length b) 1) as [short|long].
  - pose proof (Nat.pow_nonzero 2 (Nat.log2_up (length b))); lia.
  - pose proof (Nat.log2_up_spec (length b) long); lia.
Qed.

Lemma parity_net_error delta x b : near delta x b ->
  Rabs (output (real (parity_net (length b))) x - parity (ones b)) <= INR (length b) * delta.
Proof.
  intro close; rewrite (parity_net_value x b delta close), <- folds_ones.
  eapply Rle_trans; [apply folds_distance|apply sum_near; assumption].
Qed.

(** * Where it stops being right *)

Lemma sum_repeat n t : sum (repeat t n) = INR n * t.
Proof.
  induction n as [|n IH]; [simpl; ring|].
  change (sum (repeat t (S n))) with (t + sum (repeat t n)); rewrite IH, S_INR; ring.
Qed.

Lemma folds_half d : folds d (1 / 2) = 1 / 2.
Proof.
  induction d as [|d IH]; [reflexivity|]; simpl; rewrite fold_low; [exact IH|].
  assert (1 <= 2 ^ d) by (apply pow_R1_Rle; lra); lra.
Qed.

Lemma zeros_near n t : near (Rabs t) (repeat t n) (repeat false n).
Proof.
  induction n as [|n IH]; simpl; constructor; [|exact IH].
  unfold bit; rewrite Rminus_0_r; lra.
Qed.

(** * The clamp *)

Definition clamp (W x : R) : R := relu (W * x - (W - 1) / 2) - relu (W * x - (W + 1) / 2).

Lemma clamp_bit W x b : 1 <= W -> Rabs (x - bit b) <= 1 / 2 - 1 / (2 * W) -> clamp W x = bit b.
Proof.
  intros large close; assert (both : - (1 / 2 - 1 / (2 * W)) <= x - bit b <= 1 / 2 - 1 / (2 * W)).
  { revert close; unfold Rabs; destruct (Rcase_abs _); lra. }
  clear close; destruct both as [low high].
  apply (Rmult_le_compat_l W) in low, high; try lra.
  replace (W * (1 / 2 - 1 / (2 * W))) with ((W - 1) / 2) in high by (field; lra).
  replace (W * - (1 / 2 - 1 / (2 * W))) with (- ((W - 1) / 2)) in low by (field; lra).
  unfold clamp; destruct b; unfold bit in *; [rewrite !relu_active|rewrite !relu_inactive]; lra.
Qed.

Lemma dot_entry W i : forall x, dot (map Q2R (repeat 0%Q i ++ [W])) x = Q2R W * nth i x 0.
Proof.
  induction i as [|i IH]; intros [|x0 x]; simpl; try ring.
  rewrite IH; unfold Q2R; simpl; ring.
Qed.

Lemma clamp_sum W n : forall i before x, length before = i -> length x = n ->
  dot (map Q2R (alternating 1 (-(1)) n)%Q)
    (map relu (rows (map (map Q2R) (clamp_weight W i n))
      (map Q2R (alternating (-((W - 1) / 2)) (-((W + 1) / 2)) n)%Q) (before ++ x)))
  = sum (map (clamp (Q2R W)) x).
Proof.
  induction n as [|n IH]; intros i before [|x0 x] here long; try easy.
  specialize (IH (S i) (before ++ [x0]) x); rewrite <- app_assoc in IH; simpl app in IH.
  rewrite app_length, Nat.add_1_r, here in IH; specialize (IH eq_refl (eq_add_S _ _ long)).
  change (sum (map (clamp (Q2R W)) (x0 :: x)))
    with (clamp (Q2R W) x0 + sum (map (clamp (Q2R W)) x)).
  rewrite <- IH; simpl; rewrite !dot_entry, app_nth2, here, Nat.sub_diag by lia; simpl nth.
  rewrite !Q2R_opp, !Q2R_div, Q2R_minus, Q2R_plus by easy.
  replace (Q2R 1) with 1 by (unfold Q2R; simpl; field).
  replace (Q2R 2) with 2 by (unfold Q2R; simpl; field).
  unfold clamp, Rminus; ring.
Qed.

Lemma clamp_all W x b : 1 <= W -> near (1 / 2 - 1 / (2 * W)) x b ->
  sum (map (clamp W) x) = INR (ones b).
Proof.
  intros large; induction 1 as [|x0 b0 x b first rest IH]; [reflexivity|].
  change (clamp W x0 + sum (map (clamp W) x) = INR (ones (b0 :: b))).
  rewrite (clamp_bit W x0 b0 large first), IH.
  unfold ones; destruct b0; simpl count_occ; [rewrite S_INR|]; unfold bit; lra.
Qed.

Lemma clamped_net_value W x b : 1 <= Q2R W -> near (1 / 2 - 1 / (2 * Q2R W)) x b ->
  output (real (clamped_net W (length b))) x = parity (ones b).
Proof.
  intros large close; pose proof (near_length _ _ _ close) as same.
  unfold output, clamped_net.
  change (real (?l :: ?r)) with (real_layer l :: real r).
  set (l := Layer _ _).
  assert (step : run (real_layer l :: real (fold_net (Nat.log2_up (length b))
      (alternating 1 (-(1)) (length b))%Q)) x
    = run (real (fold_net (Nat.log2_up (length b)) (alternating 1 (-(1)) (length b))%Q))
      (map relu (apply (real_layer l) x))) by (destruct (Nat.log2_up (length b)); reflexivity).
  rewrite step, fold_net_run; simpl hd; unfold apply, l; simpl weight; simpl bias.
  pose proof (clamp_sum W (length b) 0 [] x eq_refl same) as found; change ([] ++ x) with x in
    found.
  rewrite found, (clamp_all (Q2R W) x b large close).
  apply folds_ones.
Qed.

(* What is 0 at delta and 1 at 1 - delta has a slope of 1/(1 - 2 delta) at least. *)
Lemma clamp_slope f K delta : (forall s t, Rabs (f s - f t) <= K * Rabs (s - t)) ->
  delta < 1 / 2 -> f delta = 0 -> f (1 - delta) = 1 -> 1 / (1 - 2 * delta) <= K.
Proof.
  intros slope small at0 at1; specialize (slope (1 - delta) delta).
  rewrite at0, at1, !Rabs_right in slope by lra.
  apply (Rmult_le_reg_r (1 - 2 * delta)); [lra|].
  unfold Rdiv; rewrite Rmult_1_l, Rinv_l; lra.
Qed.

(** * The theorem *)

(* For every number n of bits b:
   - the network has d = ceil(log2 n) hidden layers of two neurons and one output;
   - it computes the parity of bits exactly;
   - if every input is within delta of its bit, it is within n delta of the parity: within less than
     1/2 for delta < 1/(2 n);
   - for delta = 1/(2 n), n >= 1, that is false: it is 1/2 at inputs that far from all bits 0;
   - with clamps of weight W >= 1 in front the parity is exact within delta <= 1/2 - 1/(2 W) of
     bits;
   - and what takes everything within delta of a bit to the bit has a slope of 1/(1 - 2 delta),
     which is W there, at least. *)
Theorem parity_bits (b : list bool) (n : nat) : n = length b ->
  map width (parity_net n) = repeat 2%nat (Nat.log2_up n) ++ [1%nat] /\
  output (real (parity_net n)) (map bit b) = parity (ones b) /\
  (forall delta x, near delta x b ->
    Rabs (output (real (parity_net n)) x - parity (ones b)) <= INR n * delta) /\
  (forall delta x, 0 <= delta < 1 / (2 * INR n) -> near delta x b ->
    Rabs (output (real (parity_net n)) x - parity (ones b)) < 1 / 2) /\
  ((1 <= n)%nat -> exists x, near (1 / (2 * INR n)) x (repeat false n) /\
    output (real (parity_net n)) x - parity (ones (repeat false n)) = 1 / 2) /\
  (forall W x, 1 <= Q2R W -> near (1 / 2 - 1 / (2 * Q2R W)) x b ->
    output (real (clamped_net W n)) x = parity (ones b)) /\
  (forall f K delta, (forall s t, Rabs (f s - f t) <= K * Rabs (s - t)) -> delta < 1 / 2 ->
    f delta = 0 -> f (1 - delta) = 1 -> 1 / (1 - 2 * delta) <= K).
Proof.
  intros ->; split; [|split; [|split; [|split; [|split; [|split; [|exact clamp_slope]]]]]].
  - unfold parity_net; generalize (repeat 1%Q (length b)).
    induction (Nat.log2_up (length b)) as [|d IH]; intro read; [reflexivity|].
    simpl; f_equal; apply IH.
  - assert (close : near 0 (map bit b) b).
    { induction b as [|b0 b IH]; constructor; [rewrite Rminus_eq_0, Rabs_R0; lra|exact IH]. }
    apply parity_net_error in close; rewrite Rmult_0_r in close.
    apply Rminus_diag_uniq; pose proof (Rabs_pos (output (real (parity_net (length b))) (map bit b)
      - parity (ones b))); destruct (Req_dec (output (real (parity_net (length b))) (map bit b)
      - parity (ones b)) 0) as [zero|other]; [exact zero|apply Rabs_no_R0 in other; lra].
  - intros; apply parity_net_error; assumption.
  - intros delta x small close; eapply Rle_lt_trans; [apply parity_net_error; eassumption|].
    pose proof (pos_INR (length b)) as [positive|<-]; [|lra].
    apply Rlt_le_trans with (INR (length b) * (1 / (2 * INR (length b)))).
    + apply Rmult_lt_compat_l; lra.
    + right; field; lra.
  - intro positive; apply le_INR in positive; simpl in positive; set (n := length b) in *.
    assert (0 < 1 / (2 * INR n)) by (apply Rdiv_lt_0_compat; lra).
    exists (repeat (1 / (2 * INR n)) n).
    pose proof (zeros_near n (1 / (2 * INR n))) as close; rewrite Rabs_right in close by lra.
    split; [exact close|].
    pose proof (parity_net_value _ _ _ close) as found; rewrite repeat_length in found.
    rewrite found, sum_repeat.
    replace (INR n * (1 / (2 * INR n))) with (1 / 2) by (field; lra).
    rewrite folds_half; replace (ones (repeat false n)) with 0%nat.
    + unfold parity; simpl; lra.
    + clear; induction n as [|n IH]; [reflexivity|exact IH].
  - intros; apply clamped_net_value; assumption.
Qed.
