(** Every step of the checker keeps what is true at a point: contexts, bounds, updates, rows. *)
From Coq Require Import ZArith QArith Qreals Reals List Bool Arith Lia Lra.
From Flocq Require Import Core Operations.
From Kernel Require Import Statement Forms Lines Kinds Packed Checker.
Import ListNotations.
Open Scope R_scope.

Section Sound.
Variables (q : Z) (sharp : bool).
Hypothesis q_pos : (0 <= q)%Z.
Notation Q2 := (IZR (2 ^ q)).
Variable x : state.
Let X : state := fun k i => Q2 * x k i.

(** The matrix times the values X of its source, node k being the one that reads it, is v. *)
Definition matrix_ok (k : nat) (m : matrix) (v : nat -> R) : Prop :=
  (source_at m < k)%nat /\ rows_rel (rows_of m) v (X (k - 1 - source_at m)%nat).
Definition packing_ok (w : Z) (m : matrix) : Prop :=
  match packed_as m with
  | Some p => (w < bits p)%Z /\ (0 <= most p)%Z /\ middle p = halves (bits p) (columns m) /\
      Forall2 (packs (bits p) (columns m) (most p)) (packed p) (rows_of m)
  | None => True
  end.
Definition sums (vs : list (nat -> R)) (i : nat) : R := fold_right (fun v r => v i + r) 0 vs.
Definition static (k : nat) (c : cnode) : Prop :=
  match c with
  | CInput => True
  | CAffine w terms bias => (0 <= w)%Z /\ Forall (packing_ok w) terms /\
      exists vs, Forall2 (matrix_ok k) terms vs /\
      forall i b, nth_error bias i = Some b -> IZR (2 ^ w) * X k i = sums vs i + IZR b
  | CUnary d fs => (d < k)%nat /\
      forall i f, nth_error fs i = Some f -> x k i = unary_value f (x (k - 1 - d)%nat i)
  | CProduct m d e => (d < k)%nat /\ (e < k)%nat /\
      forall i, (i < m)%nat -> x k i = x (k - 1 - d)%nat i * x (k - 1 - e)%nat i
  end.
Definition whole_ok (k : nat) (ws : list bool) : Prop :=
  forall i, nth i ws false = true -> exists z, X k i = IZR z * Q2.
Definition layer_ok (k : nat) (L : layer) : Prop :=
  (static k (cn L) /\ whole_ok k (wh L)) /\ boxed (bx L) (X k) /\
  match cn L with
  | CUnary d _ => line_rel q (ln L) (X k) (X (k - 1 - d)%nat)
  | CProduct _ d e => plane_rel q (pl L) (X k) (X (k - 1 - d)%nat) (X (k - 1 - e)%nat)
  | _ => True
  end.
Fixpoint ctx_ok (ctx : list layer) : Prop :=
  match ctx with [] => True | L :: rest => layer_ok (length rest) L /\ ctx_ok rest end.

Lemma source_box_ok : forall rest d, ctx_ok rest ->
  boxed (source_box d rest) (X (length rest - 1 - d)%nat).
Proof.
  unfold source_box. induction rest as [|L rest IH]; intros d H; destruct d; simpl in *; auto.
  - destruct H as [[_ [H _]] _]. now rewrite Nat.sub_0_r, Nat.sub_0_r.
  - destruct H as [_ H]. specialize (IH d H).
    replace (length rest - 0 - S d)%nat with (length rest - 1 - d)%nat by lia. exact IH.
Qed.

Lemma source_wh_ok : forall rest d, ctx_ok rest ->
  whole_ok (length rest - 1 - d)%nat (source_wh d rest).
Proof.
  unfold source_wh. induction rest as [|L rest IH]; intros d H; destruct d; simpl in *;
    try (intros i; destruct i; discriminate).
  - destruct H as [[[_ H] _] _]. now rewrite Nat.sub_0_r, Nat.sub_0_r.
  - destruct H as [_ H]. specialize (IH d H).
    replace (length rest - 0 - S d)%nat with (length rest - 1 - d)%nat by lia. exact IH.
Qed.
Lemma settle_ok : forall w f d rest ps C ps' C' v, (0 <= w)%Z -> ctx_ok rest ->
  length ps = length rest -> (d < length rest)%nat ->
  dot (fst f) (X (length rest - 1 - d)%nat) + IZR (snd f) <= IZR (2 ^ w) * v ->
  settle w f d rest ps C = Some (ps', C') ->
  length ps' = length rest /\ fval ps' X + IZR C' <= v + (fval ps X + IZR C).
Proof.
  intros w [A T] d rest ps C ps' C' v Hw Hc Hl Hd Hv. unfold settle; simpl in *.
  destruct (shrink w A (source_box d rest)) as [[r s]|] eqn:E; try discriminate.
  intros [= <- <-]. rewrite add_at_length. split; auto.
  rewrite add_at_ok by lia. rewrite !plus_IZR, Hl.
  pose proof (shrink_ok _ _ _ _ _ _ Hw E (source_box_ok _ d Hc)) as S.
  pose proof (shiftr_low T w Hw) as U.
  assert (P : 0 < IZR (2 ^ w)) by (apply IZR_lt, Z.pow_pos_nonneg; lia).
  set (D := dot r (X (length rest - 1 - d)%nat)) in *.
  set (D' := dot A (X (length rest - 1 - d)%nat)) in *.
  assert (IZR (2 ^ w) * (D + IZR s + IZR (Z.shiftr T w)) <= IZR (2 ^ w) * v) by lra.
  apply Rmult_le_reg_l in H; auto. lra.
Qed.

Lemma dot_zeros : forall n g, dot (repeat 0%Z n) g = 0.
Proof. induction n as [|n IH]; intros g; simpl; [lra|]. rewrite IH. lra. Qed.
Lemma pack_zeros : forall s n, (0 < s)%Z -> pack s (repeat 0%Z n) = 0%Z.
Proof.
  intros s n Hs. induction n as [|n IH]; auto. cbn [repeat pack]. rewrite IH. apply Z.shiftl_0_l.
Qed.
Lemma pull_plain_ok : forall w a m b r s v g, (0 <= w)%Z -> pull_plain w a m b = Some (r, s) ->
  rows_rel (rows_of m) v g -> boxed b g -> IZR (2 ^ w) * (dot r g + IZR s) <= dot a v.
Proof.
  intros w a m b r s v g Hw E Hr Hb. unfold pull_plain in E.
  destruct (comb a (rows_of m)) as [A|] eqn:M; try discriminate.
  rewrite <- (comb_ok _ _ _ _ _ M Hr). now apply (shrink_ok w A b).
Qed.
Lemma pull_ok : forall w a m b r s v g, (0 <= w)%Z -> pull sharp w a m b = Some (r, s) ->
  packing_ok w m -> rows_rel (rows_of m) v g -> boxed b g ->
  IZR (2 ^ w) * (dot r g + IZR s) <= dot a v.
Proof.
  intros w a m b r s v g Hw E Hp Hr Hb. unfold pull in E. unfold packing_ok in Hp.
  destruct sharp; [now apply (pull_plain_ok w a m b)|].
  destruct (packed_as m) as [p|]; [|now apply (pull_plain_ok w a m b)].
  destruct Hp as [Hws [HM [Hm Hp]]].
  destruct (pcomb a (packed p) 0 0) as [[z total]|] eqn:P; [|now apply (pull_plain_ok w a m b)].
  destruct (slack (columns m) b) as [sl|] eqn:S; [|now apply (pull_plain_ok w a m b)].
  destruct (Z.ltb_spec (total * most p) (half (bits p))) as [B|B];
    [|now apply (pull_plain_ok w a m b)].
  injection E as <- <-. rewrite Hm.
  destruct (pcomb_ok (bits p) w Hw Hws (columns m) (most p) a (packed p) (rows_of m) 0 0 z total v g
    (repeat 0%Z (columns m)) P Hp Hr HM) as [A [A1 [A2 [A3 A4]]]]; try lia.
  { apply repeat_length. }
  { apply pack_zeros. lia. }
  { apply Forall_forall. intros c I. apply repeat_spec in I. subst c. simpl. lia. }
  rewrite dot_zeros, Rplus_0_r in A4. rewrite <- A4.
  assert (U : digits (bits p) w (columns m) w (z + halves (bits p) (columns m))
     = map (fun z => Z.shiftr z w) A).
  { rewrite <- A2, <- A1. apply unpack_ok; auto. eapply Forall_impl; [|apply A3]. simpl. lia. }
  rewrite U. rewrite <- A1 in S. destruct (slack_shrink w _ _ _ S) as [t [T1 T2]].
  pose proof (shrink_ok w A b g _ _ Hw T1 Hb) as K. apply IZR_le in T2.
  assert (0 < IZR (2 ^ w)) by (apply IZR_lt, Z.pow_pos_nonneg; lia). nra.
Qed.

Lemma dot_sums : forall a v vs, dot a (sums (v :: vs)) = dot a v + dot a (sums vs).
Proof.
  intros a v vs. change (sums (v :: vs)) with (fun i => v i + sums vs i).
  generalize (sums vs) as u. revert v. induction a as [|z a IH]; intros v u; simpl; [lra|].
  rewrite (IH (fun i => v (S i)) (fun i => u (S i))). lra.
Qed.
Lemma pull_terms_ok : forall w a rest terms vs ps C ps' C', (0 <= w)%Z -> ctx_ok rest ->
  length ps = length rest -> Forall (packing_ok w) terms ->
  Forall2 (matrix_ok (length rest)) terms vs -> pull_terms sharp w a terms rest ps C = Some (ps', C') ->
  length ps' = length rest /\
  IZR (2 ^ w) * (fval ps' X + IZR C') <= dot a (sums vs) + IZR (2 ^ w) * (fval ps X + IZR C).
Proof.
  intros w a rest; induction terms as [|m terms IH]; intros vs ps C ps' C' Hw Hc Hl Hp Hm E.
  - inversion Hm; subst. injection E as <- <-. split; auto.
    assert (Z0 : dot a (sums []) = 0).
    { unfold sums; simpl. clear. induction a as [|z a IH]; simpl; [lra|]. rewrite IH. lra. }
    rewrite Z0. lra.
  - inversion Hm as [|? v ? vs' [M1 M2] M3]; subst. inversion Hp as [|? ? P1 P2]; subst.
    cbn [pull_terms] in E.
    destruct (pull sharp w a m _) as [[r s]|] eqn:P; try discriminate.
    apply (pull_ok w a m _ r s v (X (length rest - 1 - source_at m)%nat)) in P; auto;
      [|now apply source_box_ok].
    apply (IH vs') in E; auto; [|now rewrite add_at_length].
    destruct E as [E1 E2]. split; auto. rewrite add_at_ok in E2 by lia.
    rewrite Hl, plus_IZR in E2. rewrite dot_sums.
    set (W := IZR (2 ^ w)) in *. set (D := dot r _) in *. nra.
Qed.
Lemma dotz_ok : forall a bias t, dotz a bias = Some t -> forall c f h,
  (forall i b, nth_error bias i = Some b -> c * f i = h i + IZR b) -> c * dot a f = dot a h + IZR t.
Proof.
  induction a as [|z a IH]; intros [|b bias] t; simpl; try discriminate; try (intros [= <-]; intros; lra).
  destruct (dotz a bias) as [t'|] eqn:E; try discriminate. intros [= <-] c f h H.
  specialize (IH _ _ E c (fun i => f (S i)) (fun i => h (S i)) (fun i => H (S i))).
  pose proof (H 0%nat b eq_refl) as H0. rewrite plus_IZR, mult_IZR. nra.
Qed.

Lemma elim_ok : forall ctx parts C b, ctx_ok ctx -> length parts = length ctx ->
  elim q sharp ctx parts C = Some b -> IZR b <= fval parts X + IZR C.
Proof.
  induction ctx as [|L rest IH]; intros parts C b Hc Hl; destruct parts as [|a ps]; try discriminate.
  - simpl. intros [= <-]. lra.
  - simpl in Hl. injection Hl as Hl. destruct Hc as [[[Hs _] [Hb Hn]] Hr].
    cbn [elim fval]. rewrite Hl. destruct a as [|z a].
    + intros E. apply IH in E; auto. simpl. lra.
    + destruct (cn L) as [|w terms bias|d fs|m d e] eqn:N; cbn [static] in Hs.
      * destruct (box_min (z :: a) (bx L)) as [m|] eqn:M; try discriminate.
        intros E. apply IH in E; auto. apply box_min_ok with (f := X (length rest)) in M; auto.
        rewrite plus_IZR in E. lra.
      * destruct Hs as [Hw [Hp [vs [Hm Hs]]]].
        destruct (dotz (z :: a) bias) as [t|] eqn:T; try discriminate.
        destruct (pull_terms sharp w (z :: a) terms rest ps _) as [[ps' C']|] eqn:P; try discriminate.
        intros E. apply (pull_terms_ok w _ rest terms vs) in P; auto. destruct P as [P1 P2].
        apply IH in E; auto. apply (dotz_ok _ _ _ T _ _ (sums vs)) in Hs.
        pose proof (shiftr_low t w Hw) as S. rewrite plus_IZR in P2.
        assert (Wpos : 0 < IZR (2 ^ w)) by (apply IZR_lt, Z.pow_pos_nonneg; lia).
        apply (Rmult_le_reg_l (IZR (2 ^ w))); auto. apply (Rmult_le_compat_l (IZR (2 ^ w))) in E; [|lra].
        lra.
      * destruct Hs as [Hd Hs].
        destruct (relax (z :: a) (ln L)) as [[A T]|] eqn:M; try discriminate.
        destruct (settle q (A, T) d rest ps C) as [[ps' C']|] eqn:S; try discriminate.
        intros E. apply (relax_ok _ _ _ _ _ _ _ M) in Hn.
        apply (settle_ok _ _ _ _ _ _ _ _ (dot (z :: a) (X (length rest)))) in S; auto.
        destruct S as [S1 S2]. apply IH in E; auto. lra.
      * destruct Hs as [Hd [He Hs]].
        destruct (relax2 (z :: a) (pl L)) as [[[A B] T]|] eqn:M; try discriminate.
        destruct (settle q (A, T) d rest ps C) as [[ps' C']|] eqn:S; try discriminate.
        destruct (settle q (B, 0%Z) e rest ps' C') as [[ps2 C2]|] eqn:S'; try discriminate.
        intros E. apply (relax2_ok _ _ _ _ _ _ _ _ _ M) in Hn.
        set (U := dot A (X (length rest - 1 - d)%nat)) in *.
        set (V := dot B (X (length rest - 1 - e)%nat)) in *.
        assert (Q : 0 < Q2) by now apply scale_pos.
        apply (settle_ok _ _ _ _ _ _ _ _ ((U + IZR T) / Q2)) in S; auto.
        2: { cbn [fst snd]. fold U. apply Req_le. field. lra. }
        destruct S as [S1 S2].
        apply (settle_ok _ _ _ _ _ _ _ _ (V / Q2)) in S'; auto.
        2: { cbn [fst snd]. fold V. apply Req_le. field. lra. }
        destruct S' as [S3 S4]. apply IH in E; auto.
        assert (K : (U + IZR T) / Q2 + V / Q2 <= dot (z :: a) (X (length rest))).
        { apply (Rmult_le_reg_l Q2); auto. replace (Q2 * ((U + IZR T) / Q2 + V / Q2)) with (U + V + IZR T).
          - lra.
          - field. lra. }
        lra.
Qed.

(** Lines. *)
Lemma make_lines_ok : forall fs b hs f g, boxed b (fun i => Q2 * g i) ->
  (forall i h, nth_error fs i = Some h -> f i = unary_value h (g i)) ->
  line_rel q (make_lines q fs b hs) (fun i => Q2 * f i) (fun i => Q2 * g i).
Proof.
  induction fs as [|h fs IH]; intros b hs f g Hb Hf; destruct b as [|[l u] b]; try exact I.
  destruct Hb as [H1 H2]. cbn [make_lines]. destruct (match hs with [] => _ | _ => _ end) as [c cs].
  cbn [line_rel]. split.
  - rewrite (Hf 0%nat h eq_refl).
    pose proof (unary_line_ok q q_pos h l u c (g 0%nat) H1) as M.
    cbv zeta in M. exact M.
  - apply (IH b cs (fun i => f (S i)) (fun i => g (S i)));
      [exact H2 | intros i h' E; now apply (Hf (S i))].
Qed.
Lemma boxed_firstn : forall n b f, boxed b f -> boxed (firstn n b) f.
Proof. induction n as [|n IH]; intros [|[l u] b] f; simpl; auto. intros [A B]; auto. Qed.
Lemma with_lines_ok : forall hs L rest, static (length rest) (cn L) /\ whole_ok (length rest) (wh L) -> boxed (bx L) (X (length rest)) ->
  ctx_ok rest -> match cn L with CUnary _ _ | CProduct _ _ _ => True | _ => False end ->
  layer_ok (length rest) (with_lines q hs L rest).
Proof.
  intros hs L rest Hs Hb Hc Hk. unfold with_lines, layer_ok.
  destruct (cn L) as [| |d fs|m d e] eqn:N; try contradiction; cbn [cn wh bx ln pl];
    (split; [exact Hs|split; [exact Hb|]]).
  - destruct Hs as [[Hd Hf] _]. apply make_lines_ok; [exact (source_box_ok _ d Hc)|exact Hf].
  - destruct Hs as [[Hd [He Hf]] _].
    apply make_planes_ok; [apply boxed_firstn, (source_box_ok _ d Hc)|exact (source_box_ok _ e Hc)|].
    intros i L'. apply Hf. rewrite firstn_length in L'. lia.
Qed.
Lemma with_lines_id : forall hs L rest, layer_ok (length rest) L -> ctx_ok rest ->
  layer_ok (length rest) (with_lines q hs L rest).
Proof.
  intros hs L rest HL Hc. pose proof HL as [Hs [Hb _]].
  destruct (cn L) as [| |d fs|m d e] eqn:N.
  1, 2: unfold with_lines; rewrite N; exact HL.
  all: apply with_lines_ok; auto; rewrite N; auto.
Qed.
Lemma recode_length : forall ctx hs, length (recode q ctx hs) = length ctx.
Proof.
  induction ctx as [|L rest IH]; intros [|h hs]; auto. simpl. now rewrite IH.
Qed.
Lemma recode_ok : forall ctx hs, ctx_ok ctx -> ctx_ok (recode q ctx hs).
Proof.
  induction ctx as [|L rest IH]; intros [|h hs] Hc; auto. destruct Hc as [HL Hr].
  cbn [recode ctx_ok]. rewrite recode_length. split; [|now apply IH].
  destruct h; [exact HL|now apply with_lines_id].
Qed.

(** Updates. *)
Lemma update_length : forall g ctx d, length (update q g d ctx) = length ctx.
Proof. induction ctx as [|L rest IH]; intros [|d]; simpl; auto. Qed.
Lemma update_ok : forall g ctx d,
  (forall L rest, In L ctx -> ctx_ok (L :: rest) -> (length rest = length ctx - 1 - d)%nat ->
     boxed (g L rest) (X (length rest))) ->
  ctx_ok ctx -> ctx_ok (update q g d ctx).
Proof.
  induction ctx as [|L rest IH]; intros [|d] Hg Hc; try exact I.
  - destruct Hc as [[Hs [Hb Hn]] Hr]. cbn [update ctx_ok]. split; auto.
    split; [exact Hs|split; [|exact Hn]].
    cbn [bx]. apply Hg; [now left | | simpl; lia].
    split; [|exact Hr]. split; [exact Hs|]. split; [exact Hb|exact Hn].
  - destruct Hc as [HL Hr]. cbn [update ctx_ok]. pose proof HL as [Hs [Hb Hn]].
    assert (IH' : ctx_ok (update q g d rest)).
    { apply IH; auto. intros L' rest' Hin Hc' Hlen. apply Hg; [now right | auto | simpl; lia]. }
    split; auto. rewrite update_length. unfold reline.
    pose proof (with_lines_id [] L (update q g d rest)) as W. rewrite update_length in W.
    destruct (cn L) as [| |d' fs|m d' e] eqn:N; auto.
    + destruct (Nat.eqb d d'); auto.
    + destruct (Nat.eqb d d' || Nat.eqb d e); auto.
Qed.

Lemma fval_nil : forall n, fval (repeat [] n) X = 0.
Proof. induction n; simpl; lra. Qed.
Lemma bound_ok : forall L rest i z b, ctx_ok (L :: rest) -> bound q sharp L rest i z = Some b ->
  IZR b <= IZR z * X (length rest) i.
Proof.
  intros L rest i z b Hc. unfold bound.
  destruct (elim q sharp (L :: rest) _ 0) as [b'|] eqn:E; try discriminate.
  intros [= <-]. apply elim_ok in E; auto; [|simpl; now rewrite repeat_length].
  cbn [fval] in E. rewrite repeat_length, fval_nil, unit_ok, Z.shiftl_mul_pow2, mult_IZR in E by auto.
  pose proof (shiftr_low b' q q_pos) as S. pose proof (scale_pos q q_pos) as P.
  apply (Rmult_le_reg_l Q2); auto. lra.
Qed.
Lemma tighten_ok : forall ks L rest, ctx_ok (L :: rest) ->
  boxed (tighten q sharp ks L rest) (X (length rest)).
Proof.
  intros ks L rest Hc. unfold tighten.
  assert (G : forall b i, boxed b (fun j => X (length rest) (i + j)%nat) ->
    boxed (tighten_from q sharp ks L rest i b) (fun j => X (length rest) (i + j)%nat)).
  { induction b as [|[l u] b IH]; intros i Hb; simpl; auto.
    assert (W : forall l' u', IZR l' <= X (length rest) i <= IZR u' ->
      boxed ((l', u') :: tighten_from q sharp ks L rest (S i) b) (fun j => X (length rest) (i + j)%nat)).
    2: { destruct (settled ks l u).
      - apply W. destruct Hb as [H1 H2]. now rewrite Nat.add_0_r in H1.
      - apply W. destruct Hb as [H1 H2]. rewrite Nat.add_0_r in H1.
    split.
      + destruct (bound q sharp L rest i 1) as [l'|] eqn:E; [|lra].
        apply bound_ok in E; auto. destruct (Z.max_spec l l') as [[_ ->]|[_ ->]]; lra.
      + destruct (bound q sharp L rest i (-1)) as [u'|] eqn:E; [|lra].
        apply bound_ok in E; auto.
        destruct (Z.min_spec u (- u')) as [[_ ->]|[_ ->]]; rewrite ?opp_IZR; lra. }
    - intros l' u' H0. destruct Hb as [H1 H2]. cbn [boxed]. rewrite Nat.add_0_r. split; [exact H0|].
      assert (K : forall f g, (forall j, f j = g j) -> forall b, boxed b f -> boxed b g).
      { clear. intros f g H b; revert f g H.
        induction b as [|[l u] b IH]; intros f g H; simpl; auto. rewrite <- H.
        intros [A B]; split; auto. apply (IH (fun i => f (S i))); auto. }
      apply (K (fun j => X (length rest) (S i + j)%nat)).
      + intros j; f_equal; lia.
      + apply IH. apply (K (fun j => X (length rest) (i + S j)%nat)); auto.
        intros j; f_equal; lia. }
  apply (G (bx L) 0%nat). apply Hc.
Qed.
(** Rows. *)
Definition tval (t : list (nat * nat * Z)) : R :=
  fold_right (fun e r => IZR (snd e) * X (fst (fst e)) (snd (fst e)) + r) 0 t.
Definition rval (r : row) : R := tval (rt r) + IZR (rc r).
Definition row_ok (r : row) : Prop := if strict r then rval r < 0 else rval r <= 0.
Lemma row_le : forall r, row_ok r -> rval r <= 0.
Proof. intros r; unfold row_ok; destruct (strict r); lra. Qed.

Lemma div_up : forall a z, (0 < z)%Z -> IZR a <= IZR z * IZR (- (- a / z)).
Proof.
  intros a z H. rewrite <- mult_IZR. apply IZR_le.
  pose proof (Z.mul_div_le (- a) z H). lia.
Qed.
Lemma cut_nth_ok : forall b i z c f, boxed b f -> IZR z * f i + IZR c <= 0 ->
  boxed (cut_nth i z c b) f.
Proof.
  induction b as [|[l u] b IH]; intros i z c f Hb H; destruct i; simpl in *; auto.
  - destruct Hb as [[H1 H2] H3].
    destruct (Z.ltb_spec 0 z) as [P|P]; [|destruct (Z.ltb_spec z 0) as [N|N]];
      simpl; repeat split; auto.
    + destruct (Z.min_spec u (- (c / z))) as [[_ ->]|[_ ->]]; auto.
      assert (0 < IZR z) by now apply IZR_lt.
      apply (Rmult_le_reg_l (IZR z)); auto.
      pose proof (div_up (- c) z P) as D. rewrite Z.opp_involutive, opp_IZR in D. lra.
    + destruct (Z.max_spec l (c / - z)) as [[_ ->]|[_ ->]]; auto.
      assert (0 < IZR (- z)) by (apply IZR_lt; lia).
      apply (Rmult_le_reg_l (IZR (- z))); auto.
      rewrite <- mult_IZR. apply Rle_trans with (IZR c).
      * apply IZR_le, Z.mul_div_le. lia.
      * rewrite opp_IZR. lra.
  - destruct Hb as [H1 H2]. split; auto.
Qed.
Lemma snap_ok : forall ws b f, (forall i, nth i ws false = true -> exists z, f i = IZR z * Q2) ->
  boxed b f -> boxed (snap q ws b) f.
Proof.
  induction ws as [|w ws IH]; intros [|[l u] b] f Hw Hb; auto. destruct Hb as [[B1 B2] B3].
  cbn [snap]. destruct w; (split; [|apply IH; auto; intros i E; now apply (Hw (S i))]); [|now split].
  destruct (Hw 0%nat eq_refl) as [z Hz]. rewrite Hz, <- mult_IZR in *. apply le_IZR in B1, B2.
  assert (P : (0 < 2 ^ q)%Z) by (apply Z.pow_pos_nonneg; lia).
  rewrite !Z.shiftl_mul_pow2, !Z.shiftr_div_pow2 by auto.
  split; apply IZR_le.
  - assert (- z <= - l / 2 ^ q)%Z by (apply Z.div_le_lower_bound; lia). nia.
  - assert (z <= u / 2 ^ q)%Z by (apply Z.div_le_lower_bound; lia). nia.
Qed.
Lemma cut_ok : forall ctx r, ctx_ok ctx -> row_ok r -> ctx_ok (cut q ctx r).
Proof.
  intros ctx r Hc Hr. apply row_le in Hr. unfold cut, rval in *.
  destruct (rt r) as [|[[k i] z] [|e t]]; auto.
  destruct (Nat.ltb_spec k (length ctx)) as [L|L]; auto.
  apply update_ok; auto. intros L' rest _ Hc' Hlen.
  apply snap_ok; [apply Hc'|]. apply cut_nth_ok; [apply Hc'|]. simpl in Hr.
  replace (length rest) with k by lia. lra.
Qed.
Lemma add_row_ok : forall t n m parts parts', length parts = n ->
  add_row n m t parts = Some parts' ->
  length parts' = n /\ fval parts' X = fval parts X + IZR m * tval t.
Proof.
  induction t as [|[[k i] z] t IH]; intros n m parts parts' Hl; simpl.
  - intros [= <-]; split; auto; lra.
  - destruct (Nat.ltb_spec k n) as [L|L]; try discriminate.
    intros E. apply IH in E; [|now rewrite add_at_length].
    destruct E as [E1 E2]. split; auto. rewrite E2, add_at_ok by lia.
    rewrite unit_ok, mult_IZR. replace (length parts - 1 - (n - 1 - k))%nat with k by lia.
    simpl. lra.
Qed.
Lemma add_rows_ok : forall ms rows n parts C s parts' C' s',
  (forall r, In r rows -> row_ok r) -> length parts = n ->
  add_rows n ms rows parts C s = Some (parts', C', s') ->
  length parts' = n /\ fval parts' X + IZR C' <= fval parts X + IZR C /\
  (s' = true -> s = true \/ fval parts' X + IZR C' < fval parts X + IZR C).
Proof.
  induction ms as [|m ms IH]; intros rows n parts C s parts' C' s' Hr Hl; simpl.
  - intros [= <- <- <-]. repeat split; auto. lra.
  - destruct rows as [|r rows]; try discriminate.
    destruct (Z.ltb_spec m 0) as [P|P]; try discriminate.
    destruct (add_row n m (rt r) parts) as [p|] eqn:A; try discriminate.
    apply add_row_ok in A; auto. destruct A as [A1 A2].
    intros E. apply IH in E; auto; [|intros; apply Hr; now right].
    destruct E as [E1 [E2 E3]].
    assert (R0 : row_ok r) by (apply Hr; now left).
    rewrite A2, plus_IZR, mult_IZR in E2, E3.
    pose proof (row_le r R0) as R1. apply IZR_le in P as P'.
    assert (M : IZR m * rval r <= 0).
    { rewrite <- (Rmult_0_r (IZR m)). now apply Rmult_le_compat_l. }
    unfold rval in *. split; auto. split; [lra|].
    intros S. destruct (E3 S) as [S1|S1]; [|right; lra].
    apply orb_prop in S1. destruct S1 as [S1|S1]; [now left|right].
    apply andb_prop in S1. destruct S1 as [S1 S2]. apply Z.ltb_lt, IZR_lt in S2.
    unfold row_ok in R0. rewrite S1 in R0. unfold rval in R0.
    assert (IZR m * (tval (rt r) + IZR (rc r)) < 0).
    { rewrite <- (Rmult_0_r (IZR m)). now apply Rmult_lt_compat_l. }
    lra.
Qed.
Lemma boxed_nth : forall b f i l u, boxed b f -> nth_error b i = Some (l, u) -> IZR l <= f i <= IZR u.
Proof.
  induction b as [|[l u] b IH]; intros f [|i] l' u' Hb; simpl; try discriminate; destruct Hb as [H1 H2].
  - now intros [= <- <-].
  - intros E. now apply (IH (fun i => f (S i)) i).
Qed.
Lemma add_ends_ok : forall ctx ms parts C parts' C', ctx_ok ctx -> length parts = length ctx ->
  add_ends (length ctx) ctx ms parts C = Some (parts', C') ->
  length parts' = length ctx /\ fval parts' X + IZR C' <= fval parts X + IZR C.
Proof.
  intros ctx; induction ms as [|[[k i] m] ms IH]; intros parts C parts' C' Hc Hl; cbn [add_ends].
  - intros [= <- <-]. split; auto. lra.
  - destruct (Nat.ltb_spec k (length ctx)) as [L|L]; try discriminate.
    destruct (nth_error _ i) as [[l u]|] eqn:N; try discriminate.
    intros E. apply IH in E; auto; [|now rewrite add_at_length]. destruct E as [E1 E2]. split; auto.
    eapply boxed_nth in N; [|now apply source_box_ok].
    replace (length ctx - 1 - (length ctx - 1 - k))%nat with k in N by lia.
    rewrite add_at_ok in E2 by lia. rewrite unit_ok, plus_IZR, mult_IZR, opp_IZR in E2.
    replace (length parts - 1 - (length ctx - 1 - k))%nat with k in E2 by lia.
    assert (IZR m * IZR (if (0 <=? m)%Z then l else u) <= IZR m * X k i).
    { destruct (Z.leb_spec 0 m) as [P|P].
      - apply Rmult_le_compat_l; [now apply IZR_le|lra].
      - apply Rmult_le_compat_neg_l; [apply IZR_le; lia|lra]. }
    lra.
Qed.
Lemma lower_ok : forall ctx rows b parts C z s, ctx_ok ctx -> (forall r, In r rows -> row_ok r) ->
  length parts = length ctx -> lower q sharp ctx rows b parts C = Some (z, s) ->
  IZR z <= fval parts X + IZR C /\ (s = true -> IZR z < fval parts X + IZR C).
Proof.
  intros ctx rows b parts C z s Hc Hr Hl. unfold lower.
  destruct (add_rows _ (of_rows b) rows parts C false) as [[[p1 C1] s1]|] eqn:A; try discriminate.
  apply add_rows_ok in A; auto. destruct A as [A1 [A2 A3]].
  destruct (add_ends _ ctx (of_ends b) p1 C1) as [[p2 C2]|] eqn:B; try discriminate.
  apply add_ends_ok in B; auto. destruct B as [B1 B2].
  destruct (elim q sharp _ p2 C2) as [z'|] eqn:E; try discriminate. intros [= <- <-].
  apply elim_ok in E; [|now apply recode_ok|now rewrite recode_length].
  split; [lra|]. intros S. destruct (A3 S) as [F|F]; [discriminate|lra].
Qed.
Lemma close_ok : forall ctx rows b, ctx_ok ctx -> (forall r, In r rows -> row_ok r) ->
  close q sharp ctx rows b = true -> False.
Proof.
  intros ctx rows b Hc Hr. unfold close.
  destruct (lower q sharp ctx rows b _ 0) as [[z s]|] eqn:A; try discriminate.
  apply lower_ok in A; auto; [|now rewrite repeat_length]. destruct A as [A1 A2].
  rewrite fval_nil in *. intros H. apply orb_prop in H. destruct H as [H|H].
  - apply Z.ltb_lt, IZR_lt in H. lra.
  - apply andb_prop in H. destruct H as [H1 H2]. apply Z.eqb_eq in H1. specialize (A2 H2). subst z. lra.
Qed.
Lemma least_ok : forall ctx rows b t z, ctx_ok ctx -> (forall r, In r rows -> row_ok r) ->
  least q sharp ctx rows b t = Some z -> IZR z <= tval t.
Proof.
  intros ctx rows b t z Hc Hr. unfold least.
  destruct (add_row _ _ t _) as [parts|] eqn:A; try discriminate.
  apply add_row_ok in A; [|now rewrite repeat_length]. destruct A as [A1 A2].
  destruct (lower q sharp ctx rows b parts 0) as [[z' s]|] eqn:B; try discriminate. intros [= <-].
  apply lower_ok in B; auto. destruct B as [B _].
  rewrite A2, fval_nil, Z.shiftl_mul_pow2, Z.mul_1_l in B by auto.
  pose proof (shiftr_low z' q q_pos) as S. pose proof (scale_pos q q_pos) as P.
  apply (Rmult_le_reg_l Q2); auto. lra.
Qed.
Lemma sharpen_ok : forall ctx rows b k box i, ctx_ok ctx -> (forall r, In r rows -> row_ok r) ->
  boxed box (fun j => X k (i + j)%nat) -> boxed (sharpen q sharp ctx rows b k i box) (fun j => X k (i + j)%nat).
Proof.
  intros ctx rows b k; induction box as [|[l u] box IH]; intros i Hc Hr Hb; simpl; auto.
  destruct Hb as [[B1 B2] B3]. rewrite Nat.add_0_r in B1, B2.
  assert (K : forall f g, (forall j, f j = g j) -> forall b, boxed b f -> boxed b g).
  { clear. intros f g H b; revert f g H. induction b as [|[l u] b IH]; intros f g H; simpl; auto.
    rewrite <- H. intros [A B]; split; auto. apply (IH (fun i => f (S i))); auto. }
  rewrite Nat.add_0_r. split; [split|].
  - destruct (least q sharp ctx rows b [(k, i, 1%Z)]) as [z|] eqn:E; auto.
    apply least_ok in E; auto. unfold tval in E; simpl in E.
    destruct (Z.max_spec l z) as [[_ ->]|[_ ->]]; lra.
  - destruct (least q sharp ctx rows b [(k, i, (-1)%Z)]) as [z|] eqn:E; auto.
    apply least_ok in E; auto. unfold tval in E; simpl in E.
    destruct (Z.min_spec u (- z)) as [[_ ->]|[_ ->]]; rewrite ?opp_IZR; lra.
  - apply (K (fun j => X k (S i + j)%nat)); [intros j; f_equal; lia|].
    apply IH; auto. apply (K (fun j => X k (i + S j)%nat)); auto. intros j; f_equal; lia.
Qed.
Lemma is_empty_ok : forall ctx, ctx_ok ctx -> is_empty ctx = true -> False.
Proof.
  induction ctx as [|L rest IH]; simpl; intros Hc H; try discriminate.
  destruct Hc as [[_ [Hb _]] Hr]. apply orb_prop in H. destruct H as [H|H]; [|now apply IH].
  revert H. generalize (X (length rest)) (bx L) Hb. clear. intros f b; revert f.
  induction b as [|[l u] b IH]; simpl; intros f Hb H; try discriminate.
  destruct Hb as [H1 H2]. apply orb_prop in H. destruct H as [H|H].
  - apply Z.ltb_lt, IZR_lt in H. simpl in H. lra.
  - eapply IH; eauto.
Qed.
Lemma tval_opp : forall t, tval (negated t) = - tval t.
Proof. unfold negated. induction t as [|e t IH]; simpl; [lra|]. rewrite IH, opp_IZR. lra. Qed.
Lemma whole_form_ok : forall ctx t, ctx_ok ctx -> whole_form ctx t = true ->
  exists z, tval t = IZR z * Q2.
Proof.
  intros ctx t Hc. unfold whole_form. induction t as [|[[k i] z] t IH]; intros H.
  - exists 0%Z. unfold tval; simpl. lra.
  - cbn [forallb fst] in H. apply andb_prop in H as [H1 H2]. destruct (IH H2) as [z' Hz].
    apply andb_prop in H1 as [K H1]. apply Nat.ltb_lt in K.
    pose proof (source_wh_ok ctx _ Hc _ H1) as [y Hy].
    replace (length ctx - 1 - (length ctx - 1 - k))%nat with k in Hy by lia.
    exists (z * y + z')%Z. unfold tval in *; simpl. rewrite Hy, Hz, plus_IZR, mult_IZR. ring.
Qed.
Lemma split_ok : forall ctx t c, ctx_ok ctx -> let whole := whole_form ctx t in
  let c1 := if whole then Z.shiftl (Z.shiftr c q) q else c in
  row_ok (Row t (- c1) false) \/
  row_ok (if whole then Row (negated t) (c1 + Z.shiftl 1 q) false else Row (negated t) c true).
Proof.
  intros ctx t c Hc. cbv zeta. destruct (whole_form ctx t) eqn:W.
  - apply (whole_form_ok ctx t Hc) in W as [z Hz]. unfold row_ok, rval; cbn [rt rc strict].
    rewrite tval_opp, Hz, opp_IZR, plus_IZR, !Z.shiftl_mul_pow2, !mult_IZR by auto.
    rewrite ?Rmult_1_l. pose proof (scale_pos q q_pos) as P. set (d := Z.shiftr c q).
    destruct (Z_le_gt_dec z d) as [D|D].
    + left. apply IZR_le in D. nra.
    + right. assert (D' : (d + 1 <= z)%Z) by lia. apply IZR_le in D'. rewrite plus_IZR in D'. nra.
  - unfold row_ok, rval; cbn [rt rc strict]. rewrite tval_opp, opp_IZR.
    destruct (Rle_lt_dec (tval t) (IZR c)); [left|right]; lra.
Qed.
Lemma follow_ok : forall s ctx rows ctx' rows', follow q sharp (ctx, rows) s = (ctx', rows') ->
  ctx_ok ctx -> (forall r, In r rows -> row_ok r) -> ctx_ok ctx' /\ (forall r, In r rows' -> row_ok r).
Proof.
  intros [k ks|k b|t b] ctx rows ctx' rows' E Hc Hr; cbn [follow] in E.
  - injection E as <- <-. split; auto. apply update_ok; auto. intros; now apply tighten_ok.
  - destruct (Nat.ltb_spec k (length ctx)) as [L|L]; injection E as <- <-; auto. split; auto.
    apply update_ok; auto. intros L' rest _ _ Hlen. replace (length rest) with k by lia.
    apply (sharpen_ok ctx rows b k _ 0); auto.
    pose proof (source_box_ok ctx (length ctx - 1 - k) Hc) as S.
    now replace (length ctx - 1 - (length ctx - 1 - k))%nat with k in S by lia.
  - assert (R : row_ok (match least q sharp ctx rows b t with
                        | Some z => Row (negated t) z false | None => Row [] 0 false end)).
    { destruct (least q sharp ctx rows b t) as [z|] eqn:F; unfold row_ok, rval; cbn [rt rc strict].
      - apply least_ok in F; auto. rewrite tval_opp. lra.
      - simpl. lra. }
    injection E as <- <-. split; [now apply cut_ok|]. intros r [<-|I]; auto.
Qed.
Lemma follow_all_ok : forall steps c c', fold_left (follow q sharp) steps c = c' ->
  ctx_ok (fst c) -> (forall r, In r (snd c) -> row_ok r) ->
  ctx_ok (fst c') /\ (forall r, In r (snd c') -> row_ok r).
Proof.
  induction steps as [|s steps IH]; intros [ctx rows] c' E Hc Hr; cbn [fold_left] in E.
  - subst c'. auto.
  - destruct (follow q sharp (ctx, rows) s) as [ctx1 rows1] eqn:F.
    apply follow_ok in F; auto. destruct F as [F1 F2]. now apply (IH (ctx1, rows1)).
Qed.
End Sound.
