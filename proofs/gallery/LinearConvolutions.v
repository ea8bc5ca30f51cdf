(* Two filters of width 2, one behind the other, are exactly the filters of width 3 (the binary
   forms a x² + b x y + c y²) whose discriminant b² - 4 a c is not negative; likewise for
   width 4. *)

Require Import List Reals ZArith Lra Lia Psatz.
Import ListNotations.
Open Scope R_scope.

(** * What is stated *)

(* The convolution of a signal with a filter, as networks have it: (w * f)(i) = Σ_j w_j f(i + j). *)
Fixpoint convolve (w : list R) (f : Z -> R) (i : Z) : R :=
  match w with
  | [] => 0
  | w0 :: w' => w0 * f i + convolve w' f (i + 1)
  end.

Definition discriminant (a b c : R) : R := b ^ 2 - 4 * a * c.
Definition cubic_discriminant (a b c d : R) : R :=
  b ^ 2 * c ^ 2 - 4 * a * c ^ 3 - 4 * b ^ 3 * d - 27 * a ^ 2 * d ^ 2 + 18 * a * b * c * d.

(* Gradient flow of two filters (p, q) and (r, s), as functions of time: g is the gradient of any
   loss by the entries of the filter (p r, p s + q r, q s), and each entry falls by its own
   derivative. *)
Definition gradient_flow (p q r s g0 g1 g2 : R -> R) : Prop := forall t,
  derivable_pt_lim p t (- (g0 t * r t + g1 t * s t)) /\
  derivable_pt_lim q t (- (g1 t * r t + g2 t * s t)) /\
  derivable_pt_lim r t (- (g0 t * p t + g1 t * q t)) /\
  derivable_pt_lim s t (- (g1 t * p t + g2 t * q t)).

(** * Products of two linear forms *)

Lemma discriminant_of_product p q r s :
  discriminant (p * r) (p * s + q * r) (q * s) = (p * s - q * r) ^ 2.
Proof. unfold discriminant; ring. Qed.

Lemma factors a b c : discriminant a b c >= 0 ->
  exists p q r s, a = p * r /\ b = p * s + q * r /\ c = q * s.
Proof.
  unfold discriminant; intro real; destruct (Req_dec a 0) as [->|other].
  - exists 0, 1, b, c; repeat split; ring.
  - set (t := sqrt (b ^ 2 - 4 * a * c)).
    assert (square : t * t = b ^ 2 - 4 * a * c) by (apply sqrt_sqrt; lra).
    exists (1 / 2), ((b + t) / (4 * a)), (2 * a), (b - t); repeat split; try (field; assumption).
    replace ((b + t) / (4 * a) * (b - t)) with ((b ^ 2 - t * t) / (4 * a)) by (field; assumption).
    rewrite square; field; assumption.
Qed.

(** * Two convolutions *)

Lemma convolve_two p q r s f i : convolve [p; q] (convolve [r; s] f) i =
  p * r * f i + (p * s + q * r) * f (i + 1)%Z + q * s * f (i + 1 + 1)%Z.
Proof. simpl; ring. Qed.

Lemma convolve_three a b c f i :
  convolve [a; b; c] f i = a * f i + b * f (i + 1)%Z + c * f (i + 1 + 1)%Z.
Proof. simpl; ring. Qed.

Lemma same_filter p q r s a b c :
  (forall f i, convolve [p; q] (convolve [r; s] f) i = convolve [a; b; c] f i) <->
  a = p * r /\ b = p * s + q * r /\ c = q * s.
Proof.
  split.
  - intro same.
    pose (f := fun k i : Z => if Z.eq_dec i k then 1 else 0).
    pose proof (same (f 0%Z) 0%Z) as first; pose proof (same (f 1%Z) 0%Z) as second.
    pose proof (same (f 2%Z) 0%Z) as third.
    rewrite convolve_two, convolve_three in first, second, third; unfold f in *; simpl in *; lra.
  - intros (-> & -> & ->) f i; rewrite convolve_two, convolve_three; reflexivity.
Qed.

(** * Width 4 *)

Lemma convolve_two_three p q r s t f i : convolve [p; q] (convolve [r; s; t] f) i =
  p * r * f i + (p * s + q * r) * f (i + 1)%Z + (p * t + q * s) * f (i + 1 + 1)%Z
  + q * t * f (i + 1 + 1 + 1)%Z.
Proof. simpl; ring. Qed.

Lemma convolve_four a b c d f i : convolve [a; b; c; d] f i =
  a * f i + b * f (i + 1)%Z + c * f (i + 1 + 1)%Z + d * f (i + 1 + 1 + 1)%Z.
Proof. simpl; ring. Qed.

Definition cubic (a b c d x : R) : R := a * x ^ 3 + b * x ^ 2 + c * x + d.

(* Far to the right a cubic with a > 0 is positive. *)
Lemma cubic_far a b c d : a > 0 -> cubic a b c d (1 + (Rabs b + Rabs c + Rabs d) / a) > 0.
Proof.
  intro up; set (S := Rabs b + Rabs c + Rabs d); set (M := 1 + S / a).
  pose proof (Rabs_pos b); pose proof (Rabs_pos c); pose proof (Rabs_pos d).
  assert (S >= 0) by (unfold S; lra).
  assert (scaled : a * M = a + S) by (unfold M; field; lra).
  assert (0 <= S / a) by (apply Rmult_le_pos; [lra|left; apply Rinv_0_lt_compat; lra]).
  assert (1 <= M) by (unfold M; lra).
  assert (M <= M ^ 2) by nra.
  assert (- Rabs b <= b /\ - Rabs c <= c /\ - Rabs d <= d) as (low_b & low_c & low_d).
  { unfold Rabs; repeat destruct (Rcase_abs _); lra. }
  assert (a * M ^ 3 = (a + S) * M ^ 2) by (rewrite <- scaled; ring).
  assert (b * M ^ 2 >= - Rabs b * M ^ 2) by nra.
  assert (c * M >= - Rabs c * M ^ 2) by nra.
  assert (d >= - Rabs d * M ^ 2) by nra.
  unfold cubic, S in *; nra.
Qed.

Lemma cubic_root a b c d : a <> 0 -> exists z, cubic a b c d z = 0.
Proof.
  assert (rising : forall a b c d, a > 0 -> exists z, cubic a b c d z = 0).
  { clear; intros a b c d up.
    set (high := 1 + (Rabs b + Rabs c + Rabs d) / a).
    set (low := - (1 + (Rabs (- b) + Rabs c + Rabs (- d)) / a)).
    assert (above : cubic a b c d high > 0) by (apply cubic_far; exact up).
    assert (below : cubic a b c d low < 0).
    { pose proof (cubic_far a (- b) c (- d) up) as far; unfold low, cubic in *; lra. }
    assert (order : low < high).
    { assert (0 < / a) by (apply Rinv_0_lt_compat; lra).
      assert (pos : forall x y z, 0 <= (Rabs x + Rabs y + Rabs z) / a).
      { intros x y z; pose proof (Rabs_pos x); pose proof (Rabs_pos y); pose proof (Rabs_pos z).
        apply Rmult_le_pos; lra. }
      pose proof (pos b c d); pose proof (pos (- b) c (- d)); unfold low, high; lra. }
    assert (smooth : continuity (cubic a b c d)) by (unfold cubic; reg).
    destruct (IVT (cubic a b c d) low high smooth order below above) as (z & _ & root).
    exists z; exact root. }
  intro other; destruct (Rtotal_order a 0) as [down|[zero|up]]; [|lra|apply rising; exact up].
  destruct (rising (- a) (- b) (- c) (- d)) as [z root]; [lra|].
  exists z; unfold cubic in *; lra.
Qed.

Lemma factors_cubic a b c d : exists p q r s t,
  a = p * r /\ b = p * s + q * r /\ c = p * t + q * s /\ d = q * t.
Proof.
  destruct (Req_dec a 0) as [->|other].
  - exists 0, 1, b, c, d; repeat split; ring.
  - destruct (cubic_root a b c d other) as [z root]; unfold cubic in root.
    exists 1, (- z), a, (b + z * a), (c + z * (b + z * a)); repeat split; try ring; lra.
Qed.

Lemma discriminant_of_factors p q r s t :
  cubic_discriminant (p * r) (p * s + q * r) (p * t + q * s) (q * t) =
  discriminant r s t * (r * q ^ 2 - s * p * q + t * p ^ 2) ^ 2.
Proof. unfold cubic_discriminant, discriminant; ring. Qed.

Lemma square_positive x : x <> 0 -> 0 < x ^ 2.
Proof. intro other; pose proof (Rsqr_pos_lt x other); unfold Rsqr in *; simpl; lra. Qed.

(* A quadratic form with a zero other than (0, 0) has no negative discriminant. *)
Lemma zero_discriminant p q r s t : p <> 0 \/ q <> 0 -> r * q ^ 2 - s * p * q + t * p ^ 2 = 0 ->
  discriminant r s t >= 0.
Proof.
  unfold discriminant; intros [other|other] zero; apply Rle_ge.
  - apply (Rmult_le_reg_l (p ^ 2)); [apply square_positive; exact other|].
    replace (p ^ 2 * (s ^ 2 - 4 * r * t)) with ((s * p - 2 * r * q) ^ 2
      - 4 * r * (r * q ^ 2 - s * p * q + t * p ^ 2)) by ring.
    rewrite zero; pose proof (pow2_ge_0 (s * p - 2 * r * q)); lra.
  - apply (Rmult_le_reg_l (q ^ 2)); [apply square_positive; exact other|].
    replace (q ^ 2 * (s ^ 2 - 4 * r * t)) with ((s * q - 2 * t * p) ^ 2
      - 4 * t * (r * q ^ 2 - s * p * q + t * p ^ 2)) by ring.
    rewrite zero; pose proof (pow2_ge_0 (s * q - 2 * t * p)); lra.
Qed.

Lemma three_factors a b c d : cubic_discriminant a b c d >= 0 -> exists p q r s u v,
  forall f i, convolve [p; q] (convolve [r; s] (convolve [u; v] f)) i = convolve [a; b; c; d] f i.
Proof.
  intro real; destruct (factors_cubic a b c d) as (p & q & r & s & t & -> & -> & -> & ->).
  rewrite discriminant_of_factors in real.
  assert (either : (p = 0 /\ q = 0) \/ discriminant r s t >= 0).
  { destruct (Req_dec p 0) as [p0|other]; [destruct (Req_dec q 0) as [q0|other]; [now left|]|].
    all: right; destruct (Req_dec (r * q ^ 2 - s * p * q + t * p ^ 2) 0) as [zero|some];
      [apply (zero_discriminant p q r s t); auto|].
    all: apply square_positive in some; apply Rle_ge, (Rmult_le_reg_r _ _ _ some); lra. }
  destruct either as [[-> ->]|back].
  - exists 0, 0, 0, 0, 0, 0; intros; simpl; ring.
  - destruct (factors r s t back) as (r1 & s1 & r2 & s2 & -> & -> & ->).
    exists p, q, r1, s1, r2, s2; intros; simpl; ring.
Qed.

Lemma discriminant_of_three p q r s u v a b c d :
  (forall f i, convolve [p; q] (convolve [r; s] (convolve [u; v] f)) i =
    convolve [a; b; c; d] f i) ->
  cubic_discriminant a b c d >= 0.
Proof.
  intro same; pose (f := fun k i : Z => if Z.eq_dec i k then 1 else 0).
  pose proof (same (f 0%Z) 0%Z) as h0; pose proof (same (f 1%Z) 0%Z) as h1.
  pose proof (same (f 2%Z) 0%Z) as h2; pose proof (same (f 3%Z) 0%Z) as h3.
  unfold f in *; simpl in *.
  assert (a = p * r * u) as -> by lra.
  assert (b = p * r * v + p * s * u + q * r * u) as -> by lra.
  assert (c = p * s * v + q * r * v + q * s * u) as -> by lra.
  assert (d = q * s * v) as -> by lra.
  unfold cubic_discriminant.
  match goal with |- ?D >= 0 =>
    replace D with (((p * s - q * r) * (p * v - q * u) * (r * v - s * u)) ^ 2) by ring end.
  apply Rle_ge, pow2_ge_0.
Qed.

(** * Gradient flow *)

Lemma flow_conserves p q r s g0 g1 g2 : gradient_flow p q r s g0 g1 g2 ->
  forall t, p t ^ 2 + q t ^ 2 - (r t ^ 2 + s t ^ 2) = p 0 ^ 2 + q 0 ^ 2 - (r 0 ^ 2 + s 0 ^ 2).
Proof.
  intro flow; set (kept := fun t => p t * p t + q t * q t - (r t * r t + s t * s t)).
  assert (still : forall t, derivable_pt_lim kept t 0).
  { intro t; destruct (flow t) as (dp & dq & dr & ds).
    pose proof (derivable_pt_lim_minus _ _ t _ _
      (derivable_pt_lim_plus _ _ t _ _ (derivable_pt_lim_mult _ _ t _ _ dp dp)
        (derivable_pt_lim_mult _ _ t _ _ dq dq))
      (derivable_pt_lim_plus _ _ t _ _ (derivable_pt_lim_mult _ _ t _ _ dr dr)
        (derivable_pt_lim_mult _ _ t _ _ ds ds))) as total.
    match type of total with derivable_pt_lim _ _ ?D => replace D with 0 in total by ring end.
    exact total. }
  assert (smooth : derivable kept) by (intro t; exists 0; apply still).
  assert (same : constant kept).
  { apply (null_derivative_1 kept smooth); intro t; apply derive_pt_eq_0, still. }
  intro t; specialize (same t 0); unfold kept in same; simpl in *; lra.
Qed.

(** * The theorem *)

(* For all a, b, c:
   - the filter (a, b, c) is one filter of width 2 behind another if and only if b² - 4 a c >= 0;
   - so it is with the form a x² + b x y + c y² as a product of two linear forms;
   - and the discriminant of such a product is the square of p s - q r.
   Every filter of width 4 is one of width 2 behind one of width 3; and it is three filters of
   width 2 if and only if the discriminant of its cubic is not negative. Gradient flow on two
   filters of width 2 conserves the difference of the sums of squares of their entries, whatever
   the loss. *)
Theorem linear_convolutions a b c :
  ((exists p q r s, forall f i, convolve [p; q] (convolve [r; s] f) i = convolve [a; b; c] f i) <->
    discriminant a b c >= 0) /\
  ((exists p q r s, forall x y,
      (p * x + q * y) * (r * x + s * y) = a * x ^ 2 + b * x * y + c * y ^ 2) <->
    discriminant a b c >= 0) /\
  (forall p q r s, discriminant (p * r) (p * s + q * r) (q * s) = (p * s - q * r) ^ 2) /\
  (forall d, exists p q r s t, forall f i,
    convolve [p; q] (convolve [r; s; t] f) i = convolve [a; b; c; d] f i) /\
  (forall d, (exists p q r s u v, forall f i,
      convolve [p; q] (convolve [r; s] (convolve [u; v] f)) i = convolve [a; b; c; d] f i) <->
    cubic_discriminant a b c d >= 0) /\
  (forall p q r s g0 g1 g2, gradient_flow p q r s g0 g1 g2 -> forall t,
    p t ^ 2 + q t ^ 2 - (r t ^ 2 + s t ^ 2) = p 0 ^ 2 + q 0 ^ 2 - (r 0 ^ 2 + s 0 ^ 2)).
Proof.
  split; [|split; [|split; [exact discriminant_of_product|]]].
  3: split; [|split; [|exact flow_conserves]].
  - split.
    + intros (p & q & r & s & same); apply same_filter in same as (-> & -> & ->).
      rewrite discriminant_of_product; apply Rle_ge, pow2_ge_0.
    + intro real; destruct (factors a b c real) as (p & q & r & s & same).
      exists p, q, r, s; apply same_filter; exact same.
  - split.
    + intros (p & q & r & s & same).
      assert (a = p * r) as -> by (pose proof (same 1 0); lra).
      assert (c = q * s) as -> by (pose proof (same 0 1); lra).
      assert (b = p * s + q * r) as -> by (pose proof (same 1 1); lra).
      rewrite discriminant_of_product; apply Rle_ge, pow2_ge_0.
    + intro real; destruct (factors a b c real) as (p & q & r & s & -> & -> & ->).
      exists p, q, r, s; intros; ring.
  - intro d; destruct (factors_cubic a b c d) as (p & q & r & s & t & -> & -> & -> & ->).
    exists p, q, r, s, t; intros; rewrite convolve_two_three, convolve_four; reflexivity.
  - intro d; split; [|apply three_factors].
    intros (p & q & r & s & u & v & same); exact (discriminant_of_three _ _ _ _ _ _ _ _ _ _ same).
Qed.
