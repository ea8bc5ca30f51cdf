(* Affine pieces of functions of one variable. To believe. *)

Require Import Reals.
Open Scope R_scope.

Definition affine_on (f : R -> R) (a b : R) : Prop :=
  exists p q, forall x, a <= x <= b -> f x = p * x + q.

(* f consists of n affine pieces on [a, b], from left to right; a piece may be a single point. *)
Fixpoint pieces (n : nat) (f : R -> R) (a b : R) : Prop :=
  match n with
  | O => a = b
  | S n' => exists c, a <= c <= b /\ affine_on f a c /\ pieces n' f c b
  end.
