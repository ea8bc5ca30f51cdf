(* What follows from the definitions of Net.v; nothing here has to be believed. *)

Require Import List Bool Reals QArith Qreals Lra.
From Gallery Require Import Net.
Import ListNotations.
Open Scope R_scope.

Lemma relu_active t : 0 <= t -> relu t = t.
Proof. intro; unfold relu; apply Rmax_right; lra. Qed.

Lemma relu_inactive t : t <= 0 -> relu t = 0.
Proof. intro; unfold relu; apply Rmax_left; lra. Qed.

(* One step of a network whose first layer is not its last. *)
Lemma run_step l l' rest x : run (l :: l' :: rest) x = run (l' :: rest) (map relu (apply l x)).
Proof. reflexivity. Qed.

Lemma Q2R_integer z : Q2R (inject_Z z) = IZR z.
Proof. unfold Q2R; simpl; field. Qed.

(* Computes a layer with given weights; shows that lists agree entry by entry. *)
Ltac weights := simpl; unfold apply, real_layer; simpl; unfold Q2R; simpl.
Ltac same_entries := repeat (apply (f_equal2 cons); [f_equal; lra|]); reflexivity.

(* Whether two constructions have the same weights: equal as rational numbers, in equal shapes. *)
Fixpoint all_same {A} (same : A -> A -> bool) (a b : list A) : bool :=
  match a, b with
  | [], [] => true
  | x :: a', y :: b' => same x y && all_same same a' b'
  | _, _ => false
  end.

Definition same_layer (l l' : layer Q) : bool :=
  all_same (all_same Qeq_bool) (weight l) (weight l') && all_same Qeq_bool (bias l) (bias l').
Definition same : network Q -> network Q -> bool := all_same same_layer.

Lemma all_same_map {A B} (test : A -> A -> bool) (f : A -> B) :
  (forall x y, test x y = true -> f x = f y) ->
  forall a b, all_same test a b = true -> map f a = map f b.
Proof.
  intros H; induction a as [|x a IH]; intros [|y b]; simpl; try easy.
  rewrite andb_true_iff; intros [Hx Ha]; f_equal; auto.
Qed.

(* Networks of the same weights are the same network: what is proved of one holds of the other. *)
Theorem same_network a b : same a b = true -> real a = real b.
Proof.
  assert (number : forall x y, Qeq_bool x y = true -> Q2R x = Q2R y).
  { intros; apply Qeq_eqR, Qeq_bool_eq; assumption. }
  apply all_same_map; intros l l'; unfold same_layer; rewrite andb_true_iff; intros [Hw Hb].
  unfold real_layer; f_equal; [|apply (all_same_map _ _ number); assumption].
  revert Hw; apply all_same_map; intros x y; apply all_same_map; exact number.
Qed.
