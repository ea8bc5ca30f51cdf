(** From the network and the query to the root's context, the tree, and the theorem. *)
From Coq Require Import ZArith QArith Qreals Reals List Bool Arith Lia Lra.
From Flocq Require Import Core Operations.
From Kernel Require Import Statement Sanity Forms Lines Kinds Packed Checker Sound.
Import ListNotations.
Open Scope R_scope.

Lemma div_low : forall a p, (0 < p)%Z -> IZR p * IZR (a / p) <= IZR a.
Proof. intros a p H. rewrite <- mult_IZR. now apply IZR_le, Z.mul_div_le. Qed.

Section Root.
Variables (q : Z) (sharp : bool).
Hypothesis q_pos : (0 <= q)%Z.
Notation Q2 := (IZR (2 ^ q)).

Lemma qfloor_ok : forall r, IZR (qfloor q r) <= Q2 * Q2R r.
Proof.
  intros [n d]. unfold qfloor, Q2R; simpl. rewrite Z.shiftl_mul_pow2 by auto.
  pose proof (div_low (n * 2 ^ q) (Zpos d) eq_refl) as D. rewrite mult_IZR in D.
  assert (P : 0 < IZR (Zpos d)) by now apply IZR_lt.
  apply (Rmult_le_reg_l (IZR (Zpos d))); auto.
  replace (IZR (Zpos d) * (Q2 * (IZR n * / IZR (Zpos d)))) with (IZR n * Q2); auto.
  field. lra.
Qed.
Lemma root_box_ok : forall l f,
  (forall i lo hi, nth_error l i = Some (lo, hi) -> Q2R lo <= f i <= Q2R hi) ->
  boxed (root_box q l) (fun i => Q2 * f i).
Proof.
  induction l as [|[lo hi] l IH]; intros f H; simpl; auto. split.
  - pose proof (scale_pos q q_pos) as P. destruct (H 0%nat lo hi eq_refl) as [A B].
    pose proof (qfloor_ok lo) as C. pose proof (qfloor_ok (- hi)) as D.
    rewrite Q2R_opp in D. rewrite opp_IZR.
    apply (Rmult_le_compat_l Q2) in A, B; lra.
  - apply (IH (fun i => f (S i))). intros i lo' hi' E. now apply (H (S i)).
Qed.

Lemma dexact : forall w d, (0 <= w)%Z -> (0 <= Fexp d + w)%Z -> IZR (dfloor w d) = IZR (2 ^ w) * F2R d.
Proof.
  intros w [m e] Hw H. unfold dfloor, F2R; simpl in *. apply Z.leb_le in H as H'. rewrite H'.
  rewrite Z.shiftl_mul_pow2, mult_IZR, !pow2_bpow by lia. rewrite Z.add_comm, bpow_plus. ring.
Qed.
Lemma sum_ext : forall n f g, (forall i, (i < n)%nat -> f i = g i) -> sum n f = sum n g.
Proof. induction n as [|n IH]; intros f g H; simpl; auto. rewrite (IH f g), H; auto. Qed.
Lemma sum_front : forall n f, sum (S n) f = f 0%nat + sum n (fun i => f (S i)).
Proof. induction n as [|n IH]; intros f; simpl in *; [lra|]. rewrite IH. lra. Qed.
Lemma sum_scale : forall n c f, sum n (fun i => c * f i) = c * sum n f.
Proof. induction n as [|n IH]; intros c f; simpl; [lra|]. rewrite IH. lra. Qed.
Lemma dot_seq : forall n s h g, dot (map h (seq s n)) g = sum n (fun j => IZR (h (s + j)%nat) * g j).
Proof.
  induction n as [|n IH]; intros s h g; cbn [seq map dot]; auto.
  rewrite sum_front, IH, Nat.add_0_r. f_equal. apply sum_ext; intros. now rewrite Nat.add_succ_r.
Qed.
Lemma fold_max : forall A (f : A -> Z) l w, (w <= fold_left (fun w d => Z.max w (f d)) l w)%Z.
Proof.
  intros A f; induction l as [|d l IH]; intros w; simpl; [lia|].
  eapply Z.le_trans; [|apply IH]. lia.
Qed.

(** Forward pass. *)
Lemma dot_opp : forall r g, dot (map Z.opp r) g = - dot r g.
Proof. induction r as [|z r IH]; intros g; simpl; [lra|]. rewrite IH, opp_IZR. lra. Qed.
Lemma rows_box_ok : forall rows b l v g, rows_box rows b = Some l -> rows_rel rows v g -> boxed b g ->
  boxed l v.
Proof.
  induction rows as [|r rows IH]; intros b l v g; cbn [rows_box rows_rel].
  - intros [= <-] _ _. exact I.
  - destruct (box_min r b) as [lo|] eqn:E1; try discriminate.
    destruct (box_min (map Z.opp r) b) as [up|] eqn:E2; try discriminate.
    destruct (rows_box rows b) as [rest|] eqn:E3; try discriminate.
    intros [= <-] [H1 H2] Hb. split; [|eapply IH; eauto].
    apply box_min_ok with (f := g) in E1; auto. apply box_min_ok with (f := g) in E2; auto.
    rewrite dot_opp in E2. rewrite opp_IZR, H1. lra.
Qed.
Lemma add_box_ok : forall a b u v, boxed a u -> boxed b v -> boxed (add_box a b) (fun i => u i + v i).
Proof.
  induction a as [|[l h] a IH]; intros [|[l' h'] b] u v Ha Hb; simpl; auto.
  destruct Ha as [A1 A2], Hb as [B1 B2]. rewrite !plus_IZR. split; [lra|].
  now apply (IH b (fun i => u (S i)) (fun i => v (S i))).
Qed.
Lemma boxed_ext : forall b u v, (forall i, u i = v i) -> boxed b u -> boxed b v.
Proof.
  induction b as [|[l h] b IH]; intros u v H; simpl; auto. rewrite <- H.
  intros [A B]; split; auto. apply (IH (fun i => u (S i))); auto.
Qed.
Lemma terms_box_ok : forall x rest terms vs b l v, ctx_ok q x rest ->
  Forall2 (matrix_ok q x (length rest)) terms vs -> terms_box terms rest b = Some l -> boxed b v ->
  boxed l (fun i => sums vs i + v i).
Proof.
  intros x rest; induction terms as [|m terms IH]; intros vs b l v Hc Hm E Hb; inversion Hm; subst.
  - injection E as <-. apply (boxed_ext b v); auto. intros i. unfold sums; simpl. lra.
  - cbn [terms_box] in E.
    destruct (rows_box (rows_of m) _) as [r|] eqn:R; try discriminate.
    match goal with H : matrix_ok _ _ _ _ ?u |- _ => destruct H as [M1 M2]; rename u into u0 end.
    apply (rows_box_ok _ _ _ _ _ R) in M2; [|now apply source_box_ok].
    eapply IH in E; [| |eassumption|apply (add_box_ok _ _ _ _ M2 Hb)]; auto.
    eapply boxed_ext; [|exact E]. intros i. unfold sums; simpl. lra.
Qed.
Lemma add_box_length : forall a b, (length (add_box a b) <= length b)%nat.
Proof.
  induction a as [|[l h] a IH]; intros [|[l' h'] b]; simpl; try lia. specialize (IH b). lia.
Qed.
Lemma terms_box_length : forall terms rest b l, terms_box terms rest b = Some l ->
  (length l <= length b)%nat.
Proof.
  induction terms as [|m terms IH]; intros rest b l; cbn [terms_box]; [intros [= <-]; auto|].
  destruct (rows_box _ _) as [r|]; try discriminate. intros E. apply IH in E.
  pose proof (add_box_length r b). lia.
Qed.
Lemma shift_box_ok : forall w b f h, (0 <= w)%Z -> boxed b h ->
  (forall i, (i < length b)%nat -> IZR (2 ^ w) * f i = h i) -> boxed (shift_box w b) f.
Proof.
  intros w; induction b as [|[l u] b IH]; intros f h Hw Hb H; simpl; auto. destruct Hb as [[B1 B2] B3].
  split.
  - assert (P : 0 < IZR (2 ^ w)) by (apply IZR_lt, Z.pow_pos_nonneg; lia).
    pose proof (shiftr_low l w Hw) as S1. pose proof (shiftr_low (- u) w Hw) as S2.
    pose proof (H 0%nat ltac:(simpl; lia)) as H0. rewrite opp_IZR in *.
    split; apply (Rmult_le_reg_l (IZR (2 ^ w))); auto; lra.
  - apply (IH (fun i => f (S i)) (fun i => h (S i))); auto. intros i L. apply H. simpl; lia.
Qed.
Lemma boxed_points : forall bias h, (forall i b, nth_error bias i = Some b -> h i = IZR b) ->
  boxed (map (fun z => (z, z)) bias) h.
Proof.
  induction bias as [|b bias IH]; intros h H; simpl; auto. split.
  - rewrite (H 0%nat b eq_refl). lra.
  - apply IH. intros i b' N. now apply (H (S i)).
Qed.

(** The matrices of an affine node. *)
Lemma rows_rel_seq : forall rows n s v g,
  (forall i, (i < n)%nat -> v i = dot (rows (s + i)%nat) g) -> rows_rel (map rows (seq s n)) v g.
Proof.
  intros rows; induction n as [|n IH]; intros s v g H; simpl; auto. split.
  - rewrite (H 0%nat ltac:(lia)), Nat.add_0_r. reflexivity.
  - apply IH. intros i L. rewrite (H (S i)), Nat.add_succ_r by lia. reflexivity.
Qed.
Lemma make_packing_ok : forall w n rows p, (0 <= w)%Z -> make_packing q w n rows = Some p ->
  (w < bits p)%Z /\ (0 <= most p)%Z /\ middle p = halves (bits p) n /\
  Forall2 (packs (bits p) n (most p)) (packed p) rows.
Proof.
  intros w n rows p Hw. unfold make_packing.
  set (M := largest rows). set (slot := (_ + _ + _ + 16)%Z).
  destruct (forallb _ rows && _ && _) eqn:D; try discriminate. intros [= <-].
  apply andb_prop in D as [D D3]. apply andb_prop in D as [D1 D2].
  apply Z.ltb_lt in D2. apply Z.leb_le in D3. repeat split; auto. cbn [bits most packed].
  clearbody M slot. clear - D1. induction rows as [|r rows IH]; cbn [map forallb] in *; constructor.
  - apply andb_prop in D1 as [D _]. apply andb_prop in D as [L D]. apply Nat.eqb_eq in L.
    repeat split; auto. rewrite forallb_forall in D. apply Forall_forall. intros z Hz.
    apply Z.leb_le. now apply D.
  - apply andb_prop in D1 as [_ D]. now apply IH.
Qed.

Lemma exact_ok : forall w d, (0 <= w)%Z -> exact w d = true -> IZR (dfloor w d) = IZR (2 ^ w) * F2R d.
Proof. intros w d Hw H. apply dexact; auto. now apply Z.leb_le. Qed.
(** What a term contributes to value i, at 2^w times the scale. *)
Definition contribution (w : Z) (x : state) (t : term) (i : nat) : R :=
  IZR (2 ^ w) * (Q2 * sum (inputs t) (fun j => F2R (entry (operation t) i j) * x (source t) j)).
Lemma make_matrix_ok : forall w k sz t m x, (0 <= w)%Z -> make_matrix q w k sz t = Some m ->
  packing_ok w m /\ exists v, matrix_ok q x k m v /\
  forall i, (i < sz)%nat -> v i = contribution w x t i.
Proof.
  intros w k sz t m x Hw. unfold make_matrix.
  destruct ((source t <? k)%nat && _) eqn:C; try discriminate. intros [= <-].
  apply andb_prop in C as [C1 C2]. apply Nat.ltb_lt in C1. split.
  - unfold packing_ok; cbn [packed_as columns rows_of].
    destruct (make_packing _ _ _ _) as [p|] eqn:P; auto. now apply make_packing_ok.
  - exists (contribution w x t). split; auto. split; cbn [source_at rows_of]; [lia|].
    replace (k - 1 - (k - 1 - source t))%nat with (source t) by lia.
    apply rows_rel_seq. intros i L. rewrite Nat.add_0_l. unfold row_of. rewrite dot_seq.
    unfold contribution. rewrite <- !sum_scale. apply sum_ext. intros j J.
    rewrite Nat.add_0_l, exact_ok; auto; [ring|].
    rewrite forallb_forall in C2. specialize (C2 i). rewrite in_seq in C2. specialize (C2 ltac:(lia)).
    unfold row_exact in C2. rewrite forallb_forall in C2. apply C2. rewrite in_seq. lia.
Qed.
Lemma make_matrices_ok : forall w k sz terms ms x, (0 <= w)%Z ->
  make_matrices q w k sz terms = Some ms ->
  Forall (packing_ok w) ms /\ exists vs, Forall2 (matrix_ok q x k) ms vs /\
  forall i, (i < sz)%nat -> sums vs i = IZR (2 ^ w) * (Q2 * total (fun a => a) terms x i).
Proof.
  intros w k sz; induction terms as [|t terms IH]; intros ms x Hw; cbn [make_matrices].
  - intros [= <-]. split; auto. exists []. split; auto. intros. unfold sums; simpl. lra.
  - destruct (make_matrix q w k sz t) as [m|] eqn:E1; try discriminate.
    destruct (make_matrices q w k sz terms) as [l|] eqn:E2; try discriminate. intros [= <-].
    apply (make_matrix_ok w k sz t m x Hw) in E1 as [P [v [V1 V2]]].
    destruct (IH l x Hw eq_refl) as [Ps [vs [Vs1 Vs2]]]. split; auto.
    exists (v :: vs). split; auto. intros i L. unfold sums in *; simpl.
    rewrite Vs2, V2 by auto. unfold contribution. ring.
Qed.

Lemma unary_box_ok : forall fs b f g, boxed b (fun i => Q2 * g i) ->
  (forall i h, nth_error fs i = Some h -> f i = unary_value h (g i)) ->
  boxed (unary_box q fs b) (fun i => Q2 * f i).
Proof.
  induction fs as [|h fs IH]; intros [|[l u] b] f g Hb Hf; try exact I.
  destruct Hb as [H1 H2]. cbn [unary_box boxed]. split.
  - pose proof (unary_line_ok q q_pos h l u flat (g 0%nat) H1) as M. cbv zeta in M.
    rewrite <- (Hf 0%nat h eq_refl) in M.
    assert (S : ls (unary_line q h (l, u) flat) = 0%Z /\ us (unary_line q h (l, u) flat) = 0%Z).
    { unfold unary_line. destruct h; auto. now destruct (default_slopes _ _ _ _). }
    destruct S as [S1 S2]. rewrite S1, S2, !Rmult_0_l in M.
    set (n := unary_line q h (l, u) flat) in *.
    pose proof (scale_pos q q_pos) as P.
    pose proof (shiftr_low (lt n) q q_pos) as T1. pose proof (shiftr_low (- ut n) q q_pos) as T2.
    rewrite opp_IZR in *.
    split; apply (Rmult_le_reg_l Q2); auto; lra.
  - apply (IH b (fun i => f (S i)) (fun i => g (S i))); [exact H2|].
    intros i h' E. now apply (Hf (S i)).
Qed.
Lemma product_box_ok : forall b c f g h, boxed b (fun i => Q2 * g i) -> boxed c (fun i => Q2 * h i) ->
  (forall i, (i < length b)%nat -> f i = g i * h i) -> boxed (product_box q b c) (fun i => Q2 * f i).
Proof.
  induction b as [|i b IH]; intros [|j c] f g h Hb Hc Hf; try exact I.
  destruct i as [l u], j as [m v]. destruct Hb as [B1 B2], Hc as [C1 C2]. cbn [product_box boxed]. split.
  - pose proof (make_plane_ok (l, u) (m, v) flat _ _ B1 C1) as M. cbv zeta in M.
    set (p := make_plane (l, u) (m, v) flat) in *.
    replace (pa p) with 0%Z in M by reflexivity. replace (pb p) with 0%Z in M by reflexivity.
    replace (qa p) with 0%Z in M by reflexivity. replace (qb p) with 0%Z in M by reflexivity.
    rewrite !Rmult_0_l in M. rewrite (Hf 0%nat ltac:(simpl; lia)).
    pose proof (scale_pos q q_pos) as P.
    pose proof (shiftr_low (pc p) q q_pos) as T1. pose proof (shiftr_low (- qc p) q q_pos) as T2.
    rewrite opp_IZR in *.
    split; apply (Rmult_le_reg_l Q2); auto; lra.
  - apply (IH c (fun i => f (S i)) (fun i => g (S i)) (fun i => h (S i))); auto.
    intros i L. apply Hf. simpl; lia.
Qed.

Variable x : state.
(** Integers. *)
Lemma whole_float : forall d, whole d = true -> exists z, F2R d = IZR z.
Proof.
  intros d H. unfold whole in H. apply Z.leb_le in H. exists (dfloor 0 d).
  rewrite (dexact 0 d) by lia. simpl. lra.
Qed.
Lemma whole_behind : forall more k h s y, (exists z, k = IZR z) -> (exists z, h = IZR z) ->
  (exists z, s = IZR z) -> (exists z, y = IZR z) ->
  forallb (fun e => whole (fst e) && whole (snd e)) more = true -> exists z, behind k h s more y = IZR z.
Proof.
  induction more as [|[k' s'] more IH]; intros k h s y [zk ->] [zh ->] [zs ->] [zy ->] H; cbn [behind].
  - exists (zh + zs * (zy - zk))%Z. now rewrite plus_IZR, mult_IZR, minus_IZR.
  - cbn [forallb fst snd] in H. apply andb_prop in H as [H1 H2]. apply andb_prop in H1 as [K S].
    apply whole_float in K as [a Ka]. apply whole_float in S as [b Kb]. rewrite Ka, Kb.
    destruct (Rle_dec (IZR zy) (IZR a)).
    + exists (zh + zs * (zy - zk))%Z. now rewrite plus_IZR, mult_IZR, minus_IZR.
    + apply IH; eauto. exists (zh + zs * (a - zk))%Z. now rewrite plus_IZR, mult_IZR, minus_IZR.
Qed.
Lemma whole_unary_ok : forall f w y, whole_unary f w = true -> (w = true -> exists z, y = IZR z) ->
  exists z, unary_value f y = IZR z.
Proof.
  intros [g| |] w y H Hy; cbn [whole_unary unary_value] in *.
  - repeat (apply andb_prop in H as [H ?]). destruct (Hy H) as [zy ->].
    repeat match goal with E : whole _ = true |- _ => apply whole_float in E as [? ?] end.
    unfold pwl_value. destruct (Rle_dec _ _).
    + repeat match goal with E : F2R _ = IZR _ |- _ => rewrite E end.
      eexists. rewrite <- minus_IZR, <- mult_IZR, <- plus_IZR. reflexivity.
    + apply whole_behind; eauto.
  - destruct (Hy H) as [z ->]. exists (z * z)%Z. now rewrite mult_IZR.
  - unfold sign. destruct (Rlt_dec y 0); [now exists (-1)%Z|].
    destruct (Rlt_dec 0 y); [now exists 1%Z|now exists 0%Z].
Qed.
Lemma nth_map_seq : forall (f : nat -> bool) n i, nth i (map f (seq 0 n)) false = true -> f i = true.
Proof.
  intros f n i H. destruct (Nat.lt_ge_cases i n) as [L|L].
  - rewrite (nth_indep _ false (f 0%nat)) in H by now rewrite map_length, seq_length.
    now rewrite map_nth, seq_nth in H by auto.
  - rewrite nth_overflow in H; [discriminate|]. now rewrite map_length, seq_length.
Qed.
Lemma nth_tl : forall (ws : list bool) i, nth i (tl ws) false = nth (S i) ws false.
Proof. intros [|w ws] i; simpl; auto. now destruct i. Qed.
Lemma unary_wh_ok : forall fs ws f g, (forall i h, nth_error fs i = Some h -> f i = unary_value h (g i)) ->
  (forall i, nth i ws false = true -> exists z, g i = IZR z) ->
  forall i, nth i (unary_wh fs ws) false = true -> exists z, f i = IZR z.
Proof.
  induction fs as [|h fs IH]; intros ws f g Hf Hg [|i]; cbn [unary_wh nth]; try discriminate.
  - intros H. rewrite (Hf 0%nat h eq_refl). apply (whole_unary_ok _ _ _ H). intros E. apply Hg.
    now destruct ws.
  - apply (IH (tl ws) (fun i => f (S i)) (fun i => g (S i))).
    + intros j h' E. now apply (Hf (S j)).
    + intros j E. apply Hg. now rewrite <- nth_tl.
Qed.
Lemma whole_dot_ok : forall r ws g, whole_dot r ws = true ->
  (forall i, nth i ws false = true -> exists z, g i = IZR z * Q2) -> exists z, dot r g = IZR z * Q2.
Proof.
  induction r as [|z r IH]; intros ws g H Hg; cbn [whole_dot dot] in *.
  - exists 0%Z. lra.
  - apply andb_prop in H as [H1 H2].
    destruct (IH (tl ws) (fun i => g (S i)) H2) as [y Hy]; [intros i E; apply Hg; now rewrite <- nth_tl|].
    rewrite Hy. apply orb_prop in H1 as [H1|H1].
    + apply Z.eqb_eq in H1. subst z. exists y. lra.
    + destruct (Hg 0%nat) as [a Ha]; [now destruct ws|]. rewrite Ha.
      exists (z * a + y)%Z. rewrite plus_IZR, mult_IZR. ring.
Qed.
Lemma rows_rel_nth : forall rows v g i r, rows_rel rows v g -> nth_error rows i = Some r -> v i = dot r g.
Proof.
  induction rows as [|r' rows IH]; intros v g [|i] r H; cbn [nth_error]; try discriminate;
    destruct H as [H1 H2].
  - now intros [= <-].
  - intros E. exact (IH (fun i => v (S i)) g i r H2 E).
Qed.
Lemma affine_wh_ok : forall ctx ms vs i, ctx_ok q x ctx -> Forall2 (matrix_ok q x (length ctx)) ms vs ->
  forallb (fun m => match nth_error (rows_of m) i with
    | Some r => whole_dot r (source_wh (source_at m) ctx) | None => false end) ms = true ->
  exists z, sums vs i = IZR z * Q2.
Proof.
  intros ctx ms vs i Hc. induction 1 as [|m v ms vs [M1 M2] F IH]; intros H.
  - exists 0%Z. unfold sums; simpl. lra.
  - cbn [forallb] in H. apply andb_prop in H as [H1 H2]. destruct (IH H2) as [z Hz].
    destruct (nth_error (rows_of m) i) as [r|] eqn:N; try discriminate.
    destruct (whole_dot_ok r _ _ H1 (source_wh_ok q x ctx (source_at m) Hc)) as [y Hy].
    exists (y + z)%Z. unfold sums in *; simpl. rewrite Hz, (rows_rel_nth _ _ _ _ _ M2 N), Hy, plus_IZR.
    ring.
Qed.
Lemma make_unary_ok : forall s fs ctx L, make_unary q s (length ctx) fs ctx = Some L -> ctx_ok q x ctx ->
  (forall i h, nth_error fs i = Some h -> x (length ctx) i = unary_value h (x s i)) ->
  layer_ok q x (length ctx) L.
Proof.
  intros s fs ctx L E Hc V. unfold make_unary in E. set (k := length ctx) in *.
  destruct (Nat.ltb_spec s k) as [C|C]; try discriminate. injection E as <-.
  assert (K : (k - 1 - (k - 1 - s))%nat = s) by lia.
  pose proof (source_box_ok q x ctx (k - 1 - s) Hc) as S. fold k in S. rewrite K in S.
  split; [|split]; cbn [cn wh bx ln static]; rewrite ?K.
  - split; [split; [lia|auto]|]. pose proof (source_wh_ok q x ctx (k - 1 - s) Hc) as W. fold k in W.
    rewrite K in W. intros i H. pose proof (scale_pos q q_pos) as P.
    assert (D : forall j, (exists z, Q2 * x s j = IZR z * Q2) -> exists z, x s j = IZR z).
    { intros j [z Hz]. exists z. apply (Rmult_eq_reg_l Q2); [lra|lra]. }
    destruct (unary_wh_ok fs (source_wh (k - 1 - s) ctx) (x k) (x s) V (fun j E => D j (W j E)) i H) as [z Hz].
    exists z. rewrite Hz. ring.
  - now apply unary_box_ok with (g := x s).
  - now apply make_lines_ok.
Qed.

Variable qry : query.
Hypothesis inside : in_box (box qry) x.
Hypothesis whole_inputs : forall k i, In (k, i) (integers qry) -> exists z, x k i = IZR z.

Lemma compile_ok : forall n ctx L, compile q qry n ctx = Some L -> ctx_ok q x ctx ->
  (forall i, (i < size n)%nat -> computes n x (length ctx) i) -> layer_ok q x (length ctx) L.
Proof.
  intros n ctx L E Hc Hn. unfold compile in E. set (k := length ctx) in *.
  destruct n as [sz|sz ts bias dv rd|s fs|sz s|sz s|sz l r|sz s f]; try discriminate.
  - destruct (find _ (box qry)) as [[k' b]|] eqn:F; try discriminate. injection E as <-.
    apply find_some in F. destruct F as [F1 F2]. apply Nat.eqb_eq in F2. simpl in F2. subst k'.
    assert (W : whole_ok q x k (input_wh qry k sz)).
    { intros i H. apply nth_map_seq in H.
      apply existsb_exists in H as [[k' i'] [H1 H2]]. apply andb_prop in H2 as [H2 H3].
      apply Nat.eqb_eq in H2, H3. simpl in H2, H3. subst k' i'.
      destruct (whole_inputs k i H1) as [z Hz]. exists z. rewrite Hz. ring. }
    split; [split; [exact I|exact W]|]. split; [|exact I]. cbn [wh bx]. apply snap_ok; auto.
    apply root_box_ok. intros i lo hi N.
    now apply (inside k b F1).
  - destruct dv; try discriminate. destruct rd; try discriminate.
    set (w := fineness ts bias) in E.
    destruct ((0 <=? w)%Z && _) eqn:C in E; try discriminate.
    apply andb_prop in C as [C1 C2]. apply Z.leb_le in C1.
    destruct (make_matrices q w k sz ts) as [ms|] eqn:M in E; try discriminate.
    set (b := map _ (seq 0 sz)) in E.
    destruct (terms_box ms ctx _) as [v|] eqn:B in E; try discriminate. injection E as <-.
    apply (make_matrices_ok w k sz ts ms x C1) in M as [P [vs [V1 V2]]].
    assert (N : forall i c, nth_error b i = Some c ->
      (i < sz)%nat /\ IZR c = IZR (2 ^ w) * (Q2 * F2R (get bias i))).
    { intros i c N. assert (L : (i < sz)%nat).
      { assert (L : (i < length b)%nat) by (apply nth_error_Some; congruence).
        unfold b in L. now rewrite map_length, seq_length in L. }
      split; auto. unfold b in N. rewrite nth_error_map, nth_error_nth' with (d := 0%nat) in N
        by now rewrite seq_length.
      rewrite seq_nth in N by auto. simpl in N. injection N as <-.
      rewrite Z.shiftl_mul_pow2, mult_IZR by auto.
      assert (D : IZR (dfloor w (get bias i)) = IZR (2 ^ w) * F2R (get bias i)).
      { apply exact_ok; auto. assert (D : In (get bias i) bias \/ get bias i = zero)
          by (destruct (nth_in_or_default i bias zero); [left|right]; assumption).
        destruct D as [I|D]; [rewrite forallb_forall in C2; now apply C2|].
        rewrite D. unfold exact, zero; simpl. now apply Z.leb_le. }
      rewrite D. ring. }
    assert (R : forall i c, nth_error b i = Some c ->
      IZR (2 ^ w) * (Q2 * x k i) = sums vs i + IZR c).
    { intros i c I. destruct (N i c I) as [L I']. rewrite I', V2 by auto.
      specialize (Hn i L). cbn [computes within divided] in Hn. apply rabs_zero in Hn. rewrite Hn.
      unfold Rdiv. rewrite Rinv_1. ring. }
    split; [|split; [|exact I]]; cbn [cn wh bx ln static].
    + split; [split; auto; split; auto; exists vs; split; auto|].
      intros i H. unfold affine_wh in H. destruct (Z.eqb_spec w 0) as [W0|W0]; [|now destruct i].
      destruct (Nat.lt_ge_cases i sz) as [L|L].
      2: { rewrite nth_overflow in H; [discriminate|]. now rewrite map_length, seq_length. }
      apply nth_map_seq in H. pose proof (affine_wh_ok ctx ms vs i Hc V1 H) as A.
      destruct A as [z Hz]. destruct (nth_error b i) as [c|] eqn:I.
      2: { apply nth_error_None in I. unfold b in I. rewrite map_length, seq_length in I. lia. }
      pose proof (R i c I) as E. unfold b in I. rewrite nth_error_map in I.
      destruct (nth_error (seq 0 sz) i) as [j|]; try discriminate. injection I as <-.
      rewrite W0, Hz, Z.shiftl_mul_pow2, mult_IZR in E by auto. simpl (2 ^ 0)%Z in E.
      exists (z + dfloor 0 (get bias j))%Z. rewrite plus_IZR. lra.
    + apply (shift_box_ok w v _ (fun i => sums vs i + IZR (nth i b 0%Z))); auto.
      * eapply terms_box_ok; eauto. apply boxed_points. intros i c I.
        now rewrite (nth_error_nth b i 0%Z I).
      * intros i L. assert (L' : (i < length b)%nat).
        { apply Nat.lt_le_trans with (1 := L). apply terms_box_length in B.
          now rewrite map_length in B. }
        destruct (nth_error b i) as [c|] eqn:I; [|apply nth_error_None in I; lia].
        rewrite (R i c I). now rewrite (nth_error_nth b i 0%Z I).
  - apply (make_unary_ok s (map Pieces fs) ctx L E Hc). intros i h N. rewrite nth_error_map in N.
    destruct (nth_error fs i) as [g|] eqn:G; try discriminate. injection N as <-.
    apply (Hn i); auto. simpl. apply nth_error_Some. congruence.
  - apply (make_unary_ok s (repeat Signed sz) ctx L E Hc). intros i h N.
    pose proof N as N'. apply nth_error_In, repeat_spec in N'. subst h. apply (Hn i). simpl.
    rewrite <- (repeat_length Signed sz). apply nth_error_Some. congruence.
  - apply (make_unary_ok s (repeat Squared sz) ctx L E Hc). intros i h N.
    pose proof N as N'. apply nth_error_In, repeat_spec in N'. subst h. apply (Hn i). simpl.
    rewrite <- (repeat_length Squared sz). apply nth_error_Some. congruence.
  - destruct ((l <? k)%nat && (r <? k)%nat) eqn:C; try discriminate.
    apply andb_prop in C as [C1 C2]. apply Nat.ltb_lt in C1, C2. injection E as <-.
    assert (K1 : (k - 1 - (k - 1 - l))%nat = l) by lia.
    assert (K2 : (k - 1 - (k - 1 - r))%nat = r) by lia.
    pose proof (source_box_ok q x ctx (k - 1 - l) Hc) as S1. fold k in S1. rewrite K1 in S1.
    pose proof (source_box_ok q x ctx (k - 1 - r) Hc) as S2. fold k in S2. rewrite K2 in S2.
    apply (boxed_firstn sz) in S1.
    assert (V : forall i, (i < length (firstn sz (source_box (k - 1 - l) ctx)))%nat ->
      x k i = x l i * x r i).
    { intros i L'. rewrite firstn_length in L'. apply (Hn i). simpl. lia. }
    split; [|split]; cbn [cn wh bx pl static]; rewrite ?K1, ?K2.
    + split; [|intros i H; now destruct i]. split; [lia|]. split; [lia|]. intros i L'. apply (Hn i). exact L'.
    + now apply product_box_ok with (g := x l) (h := x r).
    + now apply make_planes_ok.
Qed.
Lemma compile_all_ok : forall net before ctx ctx', length before = length ctx ->
  run (before ++ net) x -> ctx_ok q x ctx -> compile_all q qry net ctx = Some ctx' -> ctx_ok q x ctx'.
Proof.
  induction net as [|n net IH]; intros before ctx ctx' Hl Hr Hc; simpl.
  - intros [= <-]; auto.
  - destruct (compile q qry n ctx) as [L|] eqn:E; try discriminate.
    apply (IH (before ++ [n])).
    + rewrite app_length; simpl; lia.
    + now rewrite <- app_assoc.
    + split; auto. apply (compile_ok n); auto. intros i Hi.
      apply (Hr (length ctx) n); auto. rewrite <- Hl, nth_error_app2, Nat.sub_diag; auto.
Qed.

(** Rows of atoms. *)
Lemma times_ok : forall d c, (Zpos d mod Zpos (Qden c) =? 0)%Z = true ->
  IZR (times d c) = IZR (Zpos d) * Q2R c.
Proof.
  intros d [n e] H. apply Z.eqb_eq in H. unfold times, Q2R; simpl in *.
  pose proof (Z.div_mod (Zpos d) (Zpos e) ltac:(lia)) as D. rewrite H, Z.add_0_r in D.
  rewrite mult_IZR. rewrite D at 2. rewrite mult_IZR.
  assert (0 < IZR (Zpos e)) by now apply IZR_lt. field. lra.
Qed.
Lemma atom_row_ok : forall a, atom_holds a x -> forall r, In r (atom_row q a) -> row_ok q x r.
Proof.
  intros [t p rel] H r. unfold atom_row; cbn [summands plus is].
  generalize (denominator t (Qden p)) as d; intros d.
  destruct (forallb _ _) eqn:F; [|intros []]. cbn [forallb] in F. apply andb_prop in F as [F1 F2].
  pose proof (scale_pos q q_pos) as P.
  assert (D : 0 < IZR (Zpos d)) by now apply IZR_lt.
  assert (V : tval q x (map (fun e => (snd e, times d (fst e))) t) + IZR (Z.shiftl (times d p) q)
     = Q2 * IZR (Zpos d) * linear (Atom t p rel) x).
  { unfold linear; cbn [summands plus is].
    rewrite Z.shiftl_mul_pow2, mult_IZR by auto. rewrite (times_ok d p F1).
    clear - F2. induction t as [|[c [k i]] t IH]; simpl in *; [lra|].
    apply andb_prop in F2 as [A B]. rewrite (times_ok d c A).
    specialize (IH B). unfold tval in *. simpl in *. rewrite Rplus_assoc, IH. ring. }
  assert (W : 0 < Q2 * IZR (Zpos d)) by now apply Rmult_lt_0_compat.
  unfold atom_holds in H; cbn [is] in H. set (v := linear _ x) in *.
  destruct rel; simpl; intros Hr; repeat destruct Hr as [<-|Hr]; try contradiction;
    unfold row_ok, rval; cbn [rt rc strict]; rewrite ?tval_opp, ?opp_IZR.
  - rewrite V, <- (Rmult_0_r (Q2 * IZR (Zpos d))). now apply Rmult_le_compat_l; [lra|].
  - rewrite V, <- (Rmult_0_r (Q2 * IZR (Zpos d))). now apply Rmult_lt_compat_l.
  - rewrite V, H. lra.
  - replace (- tval q x (map (fun e => (snd e, times d (fst e))) t) + - IZR (Z.shiftl (times d p) q))
      with (- (Q2 * IZR (Zpos d) * v)) by lra. rewrite H. lra.
Qed.
Fixpoint conjuncts_ok (f : formula) {struct f} : holds f x -> forall r, In r (conjuncts q f) -> row_ok q x r.
Proof.
  destruct f as [a|l|l]; simpl.
  - apply atom_row_ok.
  - intros H r. induction l as [|g l IH]; simpl in *; [contradiction|].
    destruct H as [H1 H2]. rewrite in_app_iff. intros [I|I]; auto.
    now apply (conjuncts_ok g).
  - contradiction.
Qed.
Definition or_ok (l : list formula) : Prop := holds (Or l) x.
Fixpoint disjuncts_ok (f : formula) {struct f} : holds f x -> forall l, In l (disjuncts f) -> or_ok l.
Proof.
  destruct f as [a|l|l]; simpl.
  - contradiction.
  - intros H r. induction l as [|g l IH]; simpl in *; [contradiction|].
    destruct H as [H1 H2]. rewrite in_app_iff. intros [I|I]; auto.
    now apply (disjuncts_ok g).
  - intros H r [<-|[]]. exact H.
Qed.
Lemma impossible_ok : forall ors, (forall l, In l ors -> or_ok l) -> impossible ors = true -> False.
Proof.
  intros ors H E. unfold impossible in E. apply existsb_exists in E as [[|g l] [I E]]; [|discriminate].
  exact (H _ I).
Qed.
Lemma in_take : forall A k (l : list A) a, In a (take k l) -> In a l.
Proof.
  intros A k l a H. unfold take in H. rewrite <- (firstn_skipn k l). apply in_app_or in H.
  apply in_or_app. destruct H as [H|H]; [now left|right].
  replace (S k) with (1 + k)%nat in H by lia. clear - H. revert l H.
  induction k as [|k IH]; intros [|y l]; simpl; auto.
Qed.
Lemma in_put : forall A k y (l : list A) a, In a (put k y l) -> a = y \/ In a l.
Proof.
  intros A k y l a H. unfold put in H. apply in_app_or in H. destruct H as [H|[H|H]]; auto.
  - right. apply (in_take _ k). apply in_or_app. now left.
  - right. apply (in_take _ k). apply in_or_app. now right.
Qed.
Lemma cuts_ok : forall rows ctx, ctx_ok q x ctx -> (forall r, In r rows -> row_ok q x r) ->
  ctx_ok q x (fold_left (cut q) rows ctx).
Proof.
  induction rows as [|r rows IH]; intros ctx C R; simpl; auto.
  apply IH; [apply (cut_ok q q_pos); auto; apply R; now left | intros; apply R; now right].
Qed.
Lemma check_ok : forall p ctx rows ors, ctx_ok q x ctx -> (forall r, In r rows -> row_ok q x r) ->
  (forall l, In l ors -> or_ok l) -> check q sharp p ctx rows ors = true -> False.
Proof.
  induction p as [t c one IH1 two IH2|k one IH1 two IH2|steps p IH|b];
    intros ctx rows ors Hc Hr Ho H; cbn [check] in H; apply orb_prop in H;
    (destruct H as [H|H];
      [apply orb_prop in H; destruct H as [H|H];
        [now apply (is_empty_ok q x ctx)|now apply (impossible_ok ors)]|]).
  - apply andb_prop in H. destruct H as [H1 H2].
    destruct (split_ok q q_pos x ctx t c Hc) as [R|R].
    + eapply IH1; [| | |exact H1]; [now apply cut_ok| |exact Ho]. intros r [<-|I]; auto.
    + eapply IH2; [| | |exact H2]; [now apply cut_ok| |exact Ho]. intros r [<-|I]; auto.
  - destruct (nth_error ors k) as [[|g l]|] eqn:N; try discriminate.
    apply andb_prop in H. destruct H as [H1 H2].
    assert (G : or_ok (g :: l)) by (apply Ho; eapply nth_error_In; eauto).
    destruct G as [G|G].
    + pose proof (conjuncts_ok g G) as R. eapply IH1; [| | |exact H1].
      * now apply cuts_ok.
      * intros r I. apply in_app_or in I. destruct I as [I|I]; auto. apply R. now apply in_rev.
      * intros l' I. apply in_app_or in I. destruct I as [I|I].
        -- apply Ho. eapply in_take; eauto.
        -- now apply (disjuncts_ok g).
    + eapply IH2; [| | |exact H2]; auto. intros l' I. apply in_put in I. destruct I as [->|I]; auto.
  - destruct (fold_left (follow q sharp) steps (ctx, rows)) as [ctx' rows'] eqn:F.
    apply (follow_all_ok q sharp q_pos x) in F; auto. destruct F as [F1 F2].
    eapply IH; [| | |exact H]; auto.
  - now apply (close_ok q sharp q_pos x ctx rows b).
Qed.
End Root.

(** * The theorem *)

Theorem check_sound : forall q sharp net qry p, check_all q sharp net qry p = true ->
  forall x, ~ violates net qry x.
Proof.
  intros q sharp net qry p H x [Hr [Hb [Hi [Hd Hu]]]]. unfold check_all in H.
  apply andb_prop in H. destruct H as [Hq H]. apply andb_prop in Hq. destruct Hq as [Hq _].
  apply Z.leb_le in Hq.
  destruct (compile_all q qry net []) as [ctx|] eqn:E; try discriminate.
  assert (R : forall r, In r (root_rows q qry) -> row_ok q x r).
  { intros r I. unfold root_rows in I. apply in_app_or in I. destruct I as [I|I].
    - apply in_flat_map in I. destruct I as [a [I1 I2]]. apply (atom_row_ok q Hq x a); auto.
    - now apply (conjuncts_ok q Hq x (unsafe qry)). }
  apply (check_ok q sharp Hq x p) in H; auto.
  - apply (cuts_ok q Hq x); auto. apply (compile_all_ok q Hq x qry Hb Hi net [] [] ctx); simpl; auto.
  - now apply (disjuncts_ok x (unsafe qry)).
Qed.
