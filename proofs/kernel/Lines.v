(* Lines below and above a piecewise-linear function: any slope, the intercept is computed. *)
From Coq Require Import ZArith Reals List Bool Lia Lra.
From Flocq Require Import Core Operations.
From Kernel Require Import Statement Forms.
Import ListNotations.
Open Scope R_scope.

Definition dle (a b : dyadic) : bool := (0 <=? Fnum (Fminus b a))%Z.
Lemma dle_true : forall a b, dle a b = true -> F2R a <= F2R b.
Proof.
  intros a b H. apply Z.leb_le, (F2R_ge_0 radix2 (Fminus b a)) in H. rewrite F2R_minus in H. lra.
Qed.
Lemma dle_false : forall a b, dle a b = false -> F2R b < F2R a.
Proof.
  intros a b H. apply Z.leb_gt, (F2R_lt_0 radix2 (Fminus b a)) in H. rewrite F2R_minus in H. lra.
Qed.
Definition dmin (a b : dyadic) := if dle a b then a else b.
Lemma dmin_l : forall a b, F2R (dmin a b) <= F2R a.
Proof. intros a b; unfold dmin; destruct (dle a b) eqn:E; try apply dle_false in E; lra. Qed.
Lemma dmin_r : forall a b, F2R (dmin a b) <= F2R b.
Proof. intros a b; unfold dmin; destruct (dle a b) eqn:E; try apply dle_true in E; lra. Qed.

Definition seg (k h s g y : dyadic) : dyadic :=
  Fminus (Fplus h (Fmult s (Fminus y k))) (Fmult g y).
Lemma seg_ok : forall k h s g y,
  F2R (seg k h s g y) = F2R h + F2R s * (F2R y - F2R k) - F2R g * F2R y.
Proof. intros; unfold seg; now rewrite F2R_minus, F2R_plus, !F2R_mult, F2R_minus. Qed.

(** A linear function is above t between two points where it is above t. *)
Lemma linear_between : forall c d t p q y, p <= y <= q -> t <= c * p + d -> t <= c * q + d ->
  t <= c * y + d.
Proof.
  intros c d t p q y [H1 H2] A B. destruct (Rle_dec 0 c) as [H|H].
  - apply (Rmult_le_compat_l c) in H1; lra.
  - apply (Rmult_le_compat_neg_l c) in H2; lra.
Qed.
Lemma seg_between : forall k h s g l u y t, F2R l <= y <= F2R u ->
  t <= F2R (seg k h s g l) -> t <= F2R (seg k h s g u) ->
  t <= F2R h + F2R s * (y - F2R k) - F2R g * y.
Proof.
  intros k h s g l u y t H. rewrite !seg_ok. intros A B.
  pose proof (linear_between (F2R s - F2R g) (F2R h - F2R s * F2R k) t _ _ _ H). lra.
Qed.

Fixpoint behind_min (k h s : dyadic) (more : list (dyadic * dyadic)) (g l u : dyadic) : dyadic :=
  let ends := dmin (seg k h s g l) (seg k h s g u) in
  match more with
  | [] => ends
  | (k', s') :: rest =>
      if dle u k' then ends
      else
        let h' := Fplus h (Fmult s (Fminus k' k)) in
        if dle l k' then
          dmin (seg k h s g l) (dmin (seg k h s g k') (behind_min k' h' s' rest g k' u))
        else behind_min k' h' s' rest g l u
  end.
Lemma behind_min_ok : forall more k h s g l u y, F2R l <= y <= F2R u ->
  F2R (behind_min k h s more g l u) <= behind (F2R k) (F2R h) (F2R s) more y - F2R g * y.
Proof.
  induction more as [|[k' s'] rest IH]; intros k h s g l u y H; simpl.
  - eapply seg_between; eauto using dmin_l, dmin_r.
  - destruct (dle u k') eqn:E1.
    + apply dle_true in E1. destruct (Rle_dec y (F2R k')); [|lra].
      eapply seg_between; eauto using dmin_l, dmin_r.
    + apply dle_false in E1. destruct (dle l k') eqn:E2.
      * apply dle_true in E2. destruct (Rle_dec y (F2R k')) as [Y|Y].
        -- apply (seg_between _ _ _ _ l k'); try lra.
           ++ apply dmin_l.
           ++ eapply Rle_trans; [apply dmin_r | apply dmin_l].
        -- eapply Rle_trans; [apply dmin_r|]. eapply Rle_trans; [apply dmin_r|].
           eapply Rle_trans; [apply (IH _ _ _ _ _ _ y); lra|].
           rewrite F2R_plus, F2R_mult, F2R_minus. lra.
      * apply dle_false in E2. destruct (Rle_dec y (F2R k')); [lra|].
        eapply Rle_trans; [apply (IH _ _ _ _ _ _ y); lra|].
        rewrite F2R_plus, F2R_mult, F2R_minus. lra.
Qed.
Definition pwl_min (f : pwl) (g l u : dyadic) : dyadic :=
  behind_min (knot f) (anchor f) (left f) ((knot f, right f) :: more f) g l u.
Lemma pwl_min_ok : forall f g l u y, F2R l <= y <= F2R u ->
  F2R (pwl_min f g l u) <= pwl_value f y - F2R g * y.
Proof.
  intros f g l u y H. eapply Rle_trans; [apply behind_min_ok; eassumption|].
  unfold pwl_value; simpl. destruct (Rle_dec y (F2R (knot f))); try lra.
  rewrite Rminus_eq_0, Rmult_0_r, Rplus_0_r. lra.
Qed.

Definition pwl_opp (f : pwl) : pwl :=
  Pwl (Fopp (left f)) (knot f) (Fopp (anchor f)) (Fopp (right f))
      (map (fun p => (fst p, Fopp (snd p))) (more f)).
Lemma behind_opp : forall more k h s y,
  behind k (- h) (- s) (map (fun p => (fst p, Fopp (snd p))) more) y = - behind k h s more y.
Proof.
  induction more as [|[k' s'] rest IH]; intros k h s y; simpl; try lra.
  destruct (Rle_dec y (F2R k')); try lra. rewrite F2R_opp.
  replace (- h + - s * (F2R k' - k)) with (- (h + s * (F2R k' - k))) by lra. apply IH.
Qed.
Lemma pwl_opp_ok : forall f y, pwl_value (pwl_opp f) y = - pwl_value f y.
Proof.
  intros f y. unfold pwl_value; simpl. rewrite !F2R_opp.
  destruct (Rle_dec y (F2R (knot f))); try lra. apply behind_opp.
Qed.

(** 2^n d, rounded down. *)
Definition dfloor (n : Z) (d : dyadic) : Z :=
  let e := (Fexp d + n)%Z in
  if (0 <=? e)%Z then Z.shiftl (Fnum d) e else Z.shiftr (Fnum d) (- e).
Lemma pow2_bpow : forall n, (0 <= n)%Z -> IZR (2 ^ n) = bpow radix2 n.
Proof. intros n H. now rewrite <- (IZR_Zpower radix2). Qed.
Lemma dfloor_ok : forall n d, (0 <= n)%Z -> IZR (dfloor n d) <= IZR (2 ^ n) * F2R d.
Proof.
  intros n [m e] Hn. unfold dfloor, F2R; simpl. rewrite pow2_bpow by auto.
  replace (bpow radix2 n * (IZR m * bpow radix2 e)) with (IZR m * bpow radix2 (e + n))
    by (rewrite bpow_plus; ring).
  destruct (Z.leb_spec 0 (e + n)) as [H|H].
  - rewrite Z.shiftl_mul_pow2, mult_IZR, pow2_bpow by lia. lra.
  - pose proof (shiftr_low m (- (e + n)) ltac:(lia)) as S.
    rewrite pow2_bpow in S by lia.
    pose proof (bpow_gt_0 radix2 (e + n)) as P.
    apply (Rmult_le_compat_l (bpow radix2 (e + n))) in S; [|lra].
    rewrite <- Rmult_assoc, <- bpow_plus, Z.add_opp_diag_r in S. simpl in S. lra.
Qed.

Section Scaled.
Variable q : Z.
Hypothesis q_pos : (0 <= q)%Z.
Definition at_scale (z : Z) : dyadic := Float radix2 z (- q).
Lemma at_scale_ok : forall z, IZR (2 ^ q) * F2R (at_scale z) = IZR z.
Proof.
  intros z. unfold at_scale, F2R; simpl. rewrite pow2_bpow by auto.
  replace (bpow radix2 q * (IZR z * bpow radix2 (- q))) with
    (IZR z * (bpow radix2 q * bpow radix2 (- q))) by ring.
  rewrite <- bpow_plus, Z.add_opp_diag_r. simpl. lra.
Qed.
Lemma scale_pos : 0 < IZR (2 ^ q).
Proof. apply IZR_lt, Z.pow_pos_nonneg; lia. Qed.

Definition make_line (f : pwl) (i : interval) (s : Z * Z) : line :=
  let (l, u) := i in let (low, up) := s in
  Line low (dfloor (q + q) (pwl_min f (at_scale low) (at_scale l) (at_scale u)))
       up (- dfloor (q + q) (pwl_min (pwl_opp f) (at_scale (- up)) (at_scale l) (at_scale u))).
Lemma make_line_ok : forall f l u s y, IZR l <= IZR (2 ^ q) * y <= IZR u ->
  let n := make_line f (l, u) s in
  IZR (ls n) * (IZR (2 ^ q) * y) + IZR (lt n)
  <= IZR (2 ^ q) * (IZR (2 ^ q) * pwl_value f y)
  <= IZR (us n) * (IZR (2 ^ q) * y) + IZR (ut n).
Proof.
  intros f l u [low up] y H n. subst n. simpl.
  pose proof scale_pos as P. set (Q := IZR (2 ^ q)) in *.
  assert (B : F2R (at_scale l) <= y <= F2R (at_scale u)).
  { rewrite <- (at_scale_ok l), <- (at_scale_ok u) in H. fold Q in H. destruct H as [H1 H2].
    apply Rmult_le_reg_l in H1, H2; auto. }
  assert (T : forall g m, IZR (dfloor (q + q) (pwl_min g (at_scale m) (at_scale l) (at_scale u)))
     <= Q * (Q * pwl_value g y) - IZR m * (Q * y)).
  { intros g m. eapply Rle_trans; [apply dfloor_ok; lia|].
    rewrite Z.pow_add_r, mult_IZR by lia. fold Q.
    rewrite <- (at_scale_ok m) at 1. fold Q.
    pose proof (pwl_min_ok g (at_scale m) _ _ _ B) as M.
    replace (Q * (Q * pwl_value g y) - Q * F2R (at_scale m) * (Q * y))
      with ((Q * Q) * (pwl_value g y - F2R (at_scale m) * y)) by ring.
    apply Rmult_le_compat_l; [apply Rmult_le_pos; lra | exact M]. }
  split.
  - specialize (T f low). lra.
  - specialize (T (pwl_opp f) (- up)%Z). rewrite pwl_opp_ok, opp_IZR in T.
    rewrite opp_IZR. lra.
Qed.

(** Slopes are proposals only. *)
Definition value_at (f : pwl) (z : Z) : Z :=
  dfloor q (pwl_min f zero (at_scale z) (at_scale z)).
Fixpoint last_slope (s : dyadic) (more : list (dyadic * dyadic)) (le : dyadic -> bool) : dyadic :=
  match more with
  | [] => s
  | (k, s') :: rest => if le k then last_slope s' rest le else s
  end.
Definition end_slopes (f : pwl) (i : interval) : Z * Z :=
  let pieces := (knot f, right f) :: more f in
  (dfloor q (last_slope (left f) pieces (fun k => dle k (at_scale (fst i)))),
   dfloor q (last_slope (left f) pieces (fun k => negb (dle (at_scale (snd i)) k)))).
Definition default_slopes (f : pwl) (i : interval) (code : Z) : Z * Z :=
  let (l, u) := i in
  let shy := Z.shiftr (u - l) 30 in
  let (sl, sr) := end_slopes f (l + shy, u - shy)%Z in
  if (u <=? l)%Z || (sl =? sr)%Z then (sl, sl) else
  let chord := (Z.shiftl (value_at f u - value_at f l) q / (u - l))%Z in
  let k := dfloor q (knot f) in
  ((if (code <=? 128)%Z then sl + Z.shiftr (code * (sr - sl)) 7
    else if ((k - l) * 1025 <? (u - k) * 1024)%Z then sr else sl), chord)%Z.
End Scaled.
