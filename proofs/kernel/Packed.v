(** A row of integers in one integer, sum of a_j 2^(s j): a multiple of a row is one multiplication, a sum
    of rows one addition. [unpack] reads the digits back, each rounded down by w bits. *)
From Coq Require Import ZArith Reals List Bool Lia Lra.
From Kernel Require Import Forms.
Import ListNotations.
Open Scope Z_scope.

Section Packed.
Variables (s w : Z).                        (* bits of a slot; bits to round away *)
Hypothesis (w_pos : 0 <= w) (w_less : w < s).

Fixpoint pack (a : list Z) : Z :=
  match a with [] => 0 | z :: a' => z + Z.shiftl (pack a') s end.
Definition extract (z o l : Z) : Z := Z.shiftr z o mod 2 ^ l.
Definition half : Z := Z.shiftl 1 (s - 1).
Definition halves (n : nat) : Z := pack (repeat half n).
Fixpoint digits (n : nat) (o z : Z) : list Z :=
  match n with
  | O => []
  | S n' => (extract z o (s - w) - Z.shiftr half w) :: digits n' (o + s) z
  end.
(** Every slot of a packed row, rounded down by w bits. *)
Definition unpack (n : nat) (z : Z) : list Z := digits n w (z + halves n).

Lemma pack_cons : forall z a, pack (z :: a) = z + 2 ^ s * pack a.
Proof. intros; simpl. rewrite Z.shiftl_mul_pow2 by lia. ring. Qed.
Lemma half_ok : half = 2 ^ (s - 1) /\ 2 ^ s = 2 * half.
Proof.
  unfold half. rewrite Z.shiftl_mul_pow2, Z.mul_1_l by lia. split; auto.
  rewrite <- Z.pow_succ_r by lia. f_equal; lia.
Qed.
Lemma pack_halves : forall a, pack a + halves (length a) = pack (map (Z.add half) a).
Proof.
  unfold halves; induction a as [|z a IH]; auto.
  cbn [length repeat map]. rewrite !pack_cons, <- IH. ring.
Qed.
Lemma digits_ok : forall a o z, 0 <= o - w -> Forall (fun z => - half <= z < half) a ->
  Z.shiftr z (o - w) = pack (map (Z.add half) a) ->
  digits (length a) o z = map (fun z => Z.shiftr z w) a.
Proof.
  destruct half_ok as [_ H2].
  induction a as [|d a IH]; intros o z Ho Ha Hz; auto.
  inversion Ha as [|? ? Hd Ha']; subst. cbn [length digits map] in *.
  rewrite pack_cons in Hz. set (P := pack (map (Z.add half) a)) in *.
  assert (W : 0 < 2 ^ w) by (apply Z.pow_pos_nonneg; lia).
  assert (V : 0 < 2 ^ (s - w)) by (apply Z.pow_pos_nonneg; lia).
  assert (E : 2 ^ s = 2 ^ w * 2 ^ (s - w)) by (rewrite <- Z.pow_add_r by lia; f_equal; lia).
  f_equal.
  - unfold extract. replace o with ((o - w) + w) by lia.
    rewrite <- Z.shiftr_shiftr by lia. rewrite Hz, E, !Z.shiftr_div_pow2 by lia.
    rewrite <- Z.mul_assoc, (Z.mul_comm (2 ^ w)), Z.div_add by lia.
    rewrite (Z.mul_comm (2 ^ (s - w))), Z.mod_add by lia.
    assert (Q : half = 2 ^ (s - 1 - w) * 2 ^ w).
    { rewrite <- Z.pow_add_r by lia. unfold half. rewrite Z.shiftl_mul_pow2, Z.mul_1_l by lia.
      f_equal; lia. }
    rewrite Z.mod_small.
    + rewrite Q at 1 2. rewrite Z.add_comm, Z.div_add, Z.div_mul by lia. lia.
    + split; [apply Z.div_pos; lia|]. apply Z.div_lt_upper_bound; auto. rewrite <- E. lia.
  - apply IH; auto; [lia|]. replace (o + s - w) with ((o - w) + s) by lia.
    rewrite <- Z.shiftr_shiftr by lia. rewrite Hz, Z.shiftr_div_pow2 by lia.
    rewrite Z.mul_comm, Z.div_add by lia. rewrite Z.div_small; lia.
Qed.
Lemma unpack_ok : forall a, Forall (fun z => - half <= z < half) a ->
  unpack (length a) (pack a) = map (fun z => Z.shiftr z w) a.
Proof.
  intros a Ha. unfold unpack. apply digits_ok; auto; [lia|].
  rewrite Z.sub_diag, Z.shiftr_0_r. apply pack_halves.
Qed.

Lemma pack_padd : forall a b, pack (padd a b) = pack a + pack b.
Proof.
  induction a as [|x a IH]; destruct b as [|y b]; cbn [padd]; rewrite ?pack_cons, ?IH; simpl; ring.
Qed.
Lemma pack_scale : forall z a, pack (scale z a) = z * pack a.
Proof.
  intros z; induction a as [|x a IH]; cbn [scale map]; rewrite ?pack_cons; [simpl; ring|].
  unfold scale in IH. rewrite IH. ring.
Qed.

(** Sum of a_i times row i, packed; with the sum of |a_i|. *)
Fixpoint pcomb (a rows : list Z) (p m : Z) : option (Z * Z) :=
  match a, rows with
  | [], _ => Some (p, m)
  | z :: a', r :: rows' =>
      if z =? 0 then pcomb a' rows' p m else pcomb a' rows' (p + z * r) (m + Z.abs z)
  | _, [] => None
  end.
Definition small (m : Z) := Forall (fun z => Z.abs z <= m).
(** The integer p stands for the row r of n numbers, none above M. *)
Definition packs (n : nat) (M : Z) (p : Z) (r : list Z) : Prop :=
  p = pack r /\ length r = n /\ small M r.

Lemma padd_length : forall a b, length a = length b -> length (padd a b) = length a.
Proof. induction a as [|x a IH]; destruct b; simpl; auto; intros [=]; auto. Qed.
Lemma bound_padd : forall a b x y, 0 <= x -> 0 <= y -> small x a -> small y b ->
  small (x + y) (padd a b).
Proof.
  unfold small. induction a as [|c a IH]; intros b x y Hx Hy Ha Hb; simpl.
  - eapply Forall_impl; try apply Hb; simpl; lia.
  - inversion Ha; subst. destruct b as [|d b].
    + eapply Forall_impl; try apply Ha; simpl; lia.
    + inversion Hb; subst. constructor; [lia|]. now apply IH.
Qed.
Lemma bound_scale : forall z a m, small m a -> small (Z.abs z * m) (scale z a).
Proof.
  unfold small, scale. induction 1; simpl; constructor; auto. rewrite Z.abs_mul. nia.
Qed.
Lemma pcomb_ok : forall n M a prows rows p m p' m' (v g : nat -> R) A,
  pcomb a prows p m = Some (p', m') -> Forall2 (packs n M) prows rows ->
  rows_rel rows v g -> 0 <= M -> 0 <= m ->
  length A = n -> pack A = p -> small (m * M) A ->
  exists A', length A' = n /\ pack A' = p' /\ small (m' * M) A' /\
    (dot A' g = dot a v + dot A g)%R.
Proof.
  intros n M; induction a as [|z a IH]; intros prows rows p m p' m' v g A; simpl.
  - intros [= <- <-] _ _ _ _ H1 H2 H3. exists A. repeat split; auto. lra.
  - destruct prows as [|r prows]; try discriminate. intros E F Hr HM Hm H1 H2 H3.
    inversion F as [|? r' ? rows' [P1 [P3 P4]] F']; subst. simpl in *.
    destruct Hr as [R1 R2]. destruct (Z.eqb_spec z 0) as [->|N].
    + destruct (IH _ _ _ _ _ _ (fun i => v (S i)) g A E F' R2) as [A' [B1 [B2 [B3 B4]]]]; auto.
      exists A'. repeat split; auto. rewrite B4. lra.
    + destruct (IH _ _ _ _ _ _ (fun i => v (S i)) g (padd A (scale z r')) E F' R2)
        as [A' [B1 [B2 [B3 B4]]]]; auto.
      * lia.
      * rewrite padd_length; auto. unfold scale. rewrite map_length. congruence.
      * now rewrite pack_padd, pack_scale.
      * rewrite Z.mul_add_distr_r. apply bound_padd; auto; [nia|nia|]. now apply bound_scale.
      * exists A'. repeat split; auto. rewrite B4, dot_padd, dot_scale, R1. lra.
Qed.
End Packed.
