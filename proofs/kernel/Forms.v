(** Linear forms with integer coefficients: their least value on a box, rounding with remainders, rows of
    a matrix, lines. Everything is a list of numbers, one for each value of a node. *)
From Coq Require Import ZArith Reals List Lia Lra.
From Kernel Require Import Statement.
Import ListNotations.
Open Scope R_scope.

Fixpoint dot (a : list Z) (f : nat -> R) : R :=
  match a with [] => 0 | z :: a' => IZR z * f O + dot a' (fun i => f (S i)) end.
Fixpoint padd (a b : list Z) : list Z :=
  match a, b with
  | [], _ => b | _, [] => a
  | x :: a', y :: b' => (x + y)%Z :: padd a' b'
  end.
Lemma dot_padd : forall a b f, dot (padd a b) f = dot a f + dot b f.
Proof.
  induction a as [|x a IH]; destruct b as [|y b]; intros f; simpl; try lra.
  rewrite IH, plus_IZR. lra.
Qed.
Definition scale (z : Z) (a : list Z) : list Z := map (Z.mul z) a.
Lemma dot_scale : forall z a f, dot (scale z a) f = IZR z * dot a f.
Proof.
  induction a as [|x a IH]; intros f; simpl; try lra.
  unfold scale in IH; rewrite IH, mult_IZR. lra.
Qed.
Lemma dot_ext : forall a f g, (forall i, f i = g i) -> dot a f = dot a g.
Proof.
  induction a as [|x a IH]; intros f g H; simpl; auto.
  rewrite H, (IH _ (fun i => g (S i))); auto.
Qed.

Definition interval := (Z * Z)%type.
Fixpoint boxed (b : list interval) (f : nat -> R) : Prop :=
  match b with
  | [] => True
  | (l, u) :: b' => (IZR l <= f O <= IZR u) /\ boxed b' (fun i => f (S i))
  end.

(** Least value of a form on a box. *)
Fixpoint box_min (a : list Z) (b : list interval) : option Z :=
  match a, b with
  | [], _ => Some 0%Z
  | z :: a', (l, u) :: b' =>
      match box_min a' b' with
      | Some m => Some ((if (0 <=? z)%Z then z * l else z * u) + m)%Z
      | None => None
      end
  | _, [] => None
  end.
Lemma mul_low : forall z l u f, IZR l <= f <= IZR u ->
  IZR (if (0 <=? z)%Z then z * l else z * u)%Z <= IZR z * f.
Proof.
  intros z l u f [H1 H2]. destruct (Z.leb_spec 0 z) as [H|H]; rewrite mult_IZR.
  - apply Rmult_le_compat_l; auto. now apply IZR_le.
  - apply Rmult_le_compat_neg_l; auto. apply IZR_le; lia.
Qed.
Lemma box_min_ok : forall a b f m, box_min a b = Some m -> boxed b f -> IZR m <= dot a f.
Proof.
  induction a as [|z a IH]; intros b f m; simpl.
  - intros [= <-] _; lra.
  - destruct b as [|[l u] b]; try discriminate.
    destruct (box_min a b) as [m'|] eqn:E; try discriminate.
    intros [= <-] [H1 H2]. rewrite plus_IZR.
    apply Rplus_le_compat; eauto using mul_low.
Qed.

(** Coefficients rounded down: what is lost is at least the sum of the negative lower ends. *)
Fixpoint shrink (w : Z) (a : list Z) (b : list interval) : option (list Z * Z) :=
  match a, b with
  | [], _ => Some ([], 0%Z)
  | z :: a', (l, u) :: b' =>
      match shrink w a' b' with
      | Some (r, s) =>
          let d := Z.shiftr z w in
          Some (d :: r, if (Z.shiftl d w =? z)%Z then s else Z.min 0 l + s)%Z
      | None => None
      end
  | _, [] => None
  end.
Lemma shrink_ok : forall w a b f r s, (0 <= w)%Z -> shrink w a b = Some (r, s) -> boxed b f ->
  IZR (2 ^ w) * (dot r f + IZR s) <= dot a f.
Proof.
  intros w; induction a as [|z a IH]; intros b f r s Hw; simpl.
  - intros [= <- <-] _; simpl; lra.
  - destruct b as [|[l u] b]; try discriminate.
    destruct (shrink w a b) as [[r' s']|] eqn:E; try discriminate.
    intros [= <- <-] [H1 H2]. specialize (IH _ _ _ _ Hw E H2). simpl.
    destruct (Z.eqb_spec (Z.shiftl (Z.shiftr z w) w) z) as [X|_].
    { rewrite Z.shiftl_mul_pow2 in X by lia. rewrite <- X at 2. rewrite mult_IZR.
      replace (IZR (2 ^ w) * (IZR (Z.shiftr z w) * f O + dot r' (fun i => f (S i)) + IZR s'))
        with (IZR (Z.shiftr z w) * IZR (2 ^ w) * f O
              + IZR (2 ^ w) * (dot r' (fun i => f (S i)) + IZR s')) by ring. lra. }
    rewrite plus_IZR, Z.shiftr_div_pow2 by lia.
    assert (P : (0 < 2 ^ w)%Z) by (apply Z.pow_pos_nonneg; lia).
    pose proof (Z.div_mod z (2 ^ w) ltac:(lia)) as D.
    pose proof (Z.mod_pos_bound z (2 ^ w) P) as M.
    set (d := (z / 2 ^ w)%Z) in *. set (m := (z mod 2 ^ w)%Z) in *.
    assert (D' : IZR z = IZR (2 ^ w) * IZR d + IZR m)
      by (rewrite <- mult_IZR, <- plus_IZR; now rewrite D at 1).
    rewrite D'. clearbody d m.
    assert (IZR (2 ^ w) * IZR (Z.min 0 l) <= IZR m * f O).
    { assert (IZR (Z.min 0 l) <= 0) by (apply IZR_le; lia).
      assert (IZR (Z.min 0 l) <= f O) by (eapply Rle_trans; [apply IZR_le, Z.le_min_r | lra]).
      assert (0 <= IZR m <= IZR (2 ^ w)) by (split; apply IZR_le; lia).
      nra. }
    lra.
Qed.
Fixpoint slack (n : nat) (b : list interval) : option Z :=
  match n, b with
  | O, _ => Some 0%Z
  | S n', (l, _) :: b' => match slack n' b' with Some s => Some (Z.min 0 l + s)%Z | None => None end
  | _, [] => None
  end.
Lemma slack_shrink : forall w a b s, slack (length a) b = Some s ->
  exists s', shrink w a b = Some (map (fun z => Z.shiftr z w) a, s') /\ (s <= s')%Z.
Proof.
  intros w; induction a as [|z a IH]; intros b s; simpl.
  - intros [= <-]. exists 0%Z. split; [reflexivity|lia].
  - destruct b as [|[l u] b]; try discriminate.
    destruct (slack (length a) b) as [s'|] eqn:E; try discriminate.
    intros [= <-]. destruct (IH _ _ E) as [t [T1 T2]]. rewrite T1.
    eexists. split; [reflexivity|]. destruct (_ =? _)%Z; lia.
Qed.
Lemma shiftr_low : forall z w, (0 <= w)%Z -> IZR (2 ^ w) * IZR (Z.shiftr z w) <= IZR z.
Proof.
  intros z w Hw. rewrite Z.shiftr_div_pow2 by lia. rewrite <- mult_IZR. apply IZR_le.
  apply Z.mul_div_le, Z.pow_pos_nonneg; lia.
Qed.

(** Rows of a matrix, v_i = row_i . g, and their combination. *)
Fixpoint rows_rel (rows : list (list Z)) (v g : nat -> R) : Prop :=
  match rows with
  | [] => True
  | r :: rows' => v O = dot r g /\ rows_rel rows' (fun i => v (S i)) g
  end.
Fixpoint comb (a : list Z) (rows : list (list Z)) : option (list Z) :=
  match a, rows with
  | [], _ => Some []
  | z :: a', r :: rows' =>
      match comb a' rows' with
      | Some s => if (z =? 0)%Z then Some s else Some (padd (scale z r) s)
      | None => None
      end
  | _, [] => None
  end.
Lemma comb_ok : forall a rows v g s, comb a rows = Some s -> rows_rel rows v g -> dot s g = dot a v.
Proof.
  induction a as [|z a IH]; intros rows v g s; simpl.
  - intros [= <-] _; reflexivity.
  - destruct rows as [|r rows]; try discriminate.
    destruct (comb a rows) as [s'|] eqn:E; try discriminate.
    intros H [H1 H2]. specialize (IH _ _ _ _ E H2). revert H.
    destruct (Z.eqb_spec z 0) as [->|N]; intros [= <-].
    + lra.
    + rewrite dot_padd, dot_scale. rewrite H1. lra.
Qed.

(** Two lists of numbers times each other: the constant that biases leave. *)
Fixpoint dotz (a b : list Z) : option Z :=
  match a, b with
  | [], _ => Some 0%Z
  | z :: a', y :: b' => match dotz a' b' with Some t => Some (z * y + t)%Z | None => None end
  | _, [] => None
  end.

(** Lines: s g_i + t <= 2^q f_i <= s' g_i + t'. *)
Record line := Line { ls : Z; lt : Z; us : Z; ut : Z }.
Fixpoint line_rel (q : Z) (lines : list line) (f g : nat -> R) : Prop :=
  match lines with
  | [] => True
  | n :: lines' =>
      (IZR (ls n) * g O + IZR (lt n) <= IZR (2 ^ q) * f O <= IZR (us n) * g O + IZR (ut n))
      /\ line_rel q lines' (fun i => f (S i)) (fun i => g (S i))
  end.
Fixpoint relax (a : list Z) (lines : list line) : option (list Z * Z) :=
  match a, lines with
  | [], _ => Some ([], 0%Z)
  | z :: a', n :: lines' =>
      match relax a' lines' with
      | Some (s, t) =>
          Some (if (0 <=? z)%Z then ((z * ls n)%Z :: s, (z * lt n + t)%Z)
                else ((z * us n)%Z :: s, (z * ut n + t)%Z))
      | None => None
      end
  | _, [] => None
  end.
Lemma relax_ok : forall q a lines f g s t, relax a lines = Some (s, t) -> line_rel q lines f g ->
  dot s g + IZR t <= IZR (2 ^ q) * dot a f.
Proof.
  intros q; induction a as [|z a IH]; intros lines f g s t; simpl.
  - intros [= <- <-] _; simpl; lra.
  - destruct lines as [|n lines]; try discriminate.
    destruct (relax a lines) as [[s' t']|] eqn:E; try discriminate.
    intros H [H1 H2]. specialize (IH _ _ _ _ _ E H2). revert H.
    destruct (Z.leb_spec 0 z) as [P|P]; intros [= <- <-]; simpl; rewrite plus_IZR, !mult_IZR.
    + apply IZR_le in P. nra.
    + apply Z.lt_le_incl, IZR_le in P. nra.
Qed.

(** Parts of a form on all nodes, the last node first. *)
Fixpoint fval (parts : list (list Z)) (x : state) : R :=
  match parts with [] => 0 | a :: ps => dot a (x (length ps)) + fval ps x end.
Fixpoint add_at (d : nat) (b : list Z) (parts : list (list Z)) : list (list Z) :=
  match parts, d with
  | [], _ => []
  | p :: ps, O => padd p b :: ps
  | p :: ps, S d' => p :: add_at d' b ps
  end.
Lemma add_at_length : forall d b ps, length (add_at d b ps) = length ps.
Proof. induction d; destruct ps; simpl; auto. Qed.
Lemma add_at_ok : forall d b ps x, (d < length ps)%nat ->
  fval (add_at d b ps) x = fval ps x + dot b (x (length ps - 1 - d)%nat).
Proof.
  induction d as [|d IH]; intros b [|p ps] x H; simpl in *; try lia.
  - rewrite dot_padd. replace (length ps - 0 - 0)%nat with (length ps) by lia. lra.
  - rewrite add_at_length, IH by lia.
    replace (length ps - 0 - S d)%nat with (length ps - 1 - d)%nat by lia. lra.
Qed.
Fixpoint unit (i : nat) (z : Z) : list Z :=
  match i with O => [z] | S j => 0%Z :: unit j z end.
Lemma unit_ok : forall i z f, dot (unit i z) f = IZR z * f i.
Proof. induction i as [|i IH]; intros z f; simpl; try lra. rewrite IH. lra. Qed.
