(* Two filters of width 2, one behind the other, are exactly the filters of width 3 (the binary forms
   a x² + b x y + c y²) whose discriminant b² - 4 a c is not negative. *)

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

(** * The theorem *)

(* For all a, b, c:
   - the filter (a, b, c) is one filter of width 2 behind another if and only if b² - 4 a c >= 0;
   - so it is with the form a x² + b x y + c y² as a product of two linear forms;
   - and the discriminant of such a product is the square of p s - q r. *)
Theorem linear_convolutions a b c :
  ((exists p q r s, forall f i, convolve [p; q] (convolve [r; s] f) i = convolve [a; b; c] f i) <->
    discriminant a b c >= 0) /\
  ((exists p q r s, forall x y,
      (p * x + q * y) * (r * x + s * y) = a * x ^ 2 + b * x * y + c * y ^ 2) <->
    discriminant a b c >= 0) /\
  (forall p q r s, discriminant (p * r) (p * s + q * r) (q * s) = (p * s - q * r) ^ 2).
Proof.
  split; [|split; [|exact discriminant_of_product]].
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
Qed.
