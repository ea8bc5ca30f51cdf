(* The sawtooth: the tooth g and its compositions. Its two definitions are to be believed. *)

Require Import Reals Lra.
From Gallery Require Import Net NetFacts.
Open Scope R_scope.

(* The tooth g and its s-fold composition g_s. *)
Definition tooth (t : R) : R := 2 * Rmin t (1 - t).
Definition teeth (s : nat) (x : R) : R := Nat.iter s tooth x.

Lemma tooth_left t : t <= 1 / 2 -> tooth t = 2 * t.
Proof. intro; unfold tooth; rewrite Rmin_left; lra. Qed.

Lemma tooth_right t : 1 / 2 <= t -> tooth t = 2 - 2 * t.
Proof. intro; unfold tooth; rewrite Rmin_right; lra. Qed.

Lemma tooth_unit t : 0 <= t <= 1 -> 0 <= tooth t <= 1.
Proof.
  intro; destruct (Rle_or_lt t (1 / 2)); [rewrite tooth_left|rewrite tooth_right]; lra.
Qed.

Lemma teeth_unit s x : 0 <= x <= 1 -> 0 <= teeth s x <= 1.
Proof. intro; induction s; simpl; auto using tooth_unit. Qed.

Lemma teeth_tooth s x : teeth (S s) x = teeth s (tooth x).
Proof. induction s as [|s IH]; [reflexivity|]; unfold teeth in *; simpl; now rewrite <- IH. Qed.

Lemma tooth_of_relu t : 0 <= t <= 1 -> tooth t = 2 * relu t - 4 * relu (t - 1 / 2).
Proof.
  intro; rewrite (relu_active t) by lra; destruct (Rle_or_lt t (1 / 2)).
  - rewrite tooth_left, relu_inactive; lra.
  - rewrite tooth_right, relu_active; lra.
Qed.
