(* ReLU networks over the real numbers: what the theorems of this folder speak of. To believe. *)

Require Import List Reals QArith Qreals.
Import ListNotations.
Open Scope R_scope.

(* A linear layer: row i of the weight gives the weights of neuron i, and entry i of the bias what
   is added. The numbers are of any type: real where a theorem speaks of all networks, rational
   where a construction is written down. *)
Record layer (A : Type) := Layer { weight : list (list A); bias : list A }.
Arguments Layer {A}.
Arguments weight {A}.
Arguments bias {A}.

(* A network: linear layers, with a ReLU behind each but the last. *)
Definition network (A : Type) := list (layer A).

Definition relu (t : R) : R := Rmax 0 t.

(* The sum of a_i x_i; an entry that one of the lists lacks counts as 0. *)
Fixpoint dot (a x : list R) : R :=
  match a, x with
  | a0 :: a', x0 :: x' => a0 * x0 + dot a' x'
  | _, _ => 0
  end.

(* W x + b, row by row; a bias that is missing counts as 0. *)
Fixpoint rows (W : list (list R)) (b x : list R) : list R :=
  match W with
  | [] => []
  | w :: W' => dot w x + hd 0 b :: rows W' (tl b) x
  end.

Definition apply (l : layer R) (x : list R) : list R := rows (weight l) (bias l) x.

(* The outputs of a network at the inputs x. *)
Fixpoint run (net : network R) (x : list R) : list R :=
  match net with
  | [] => x
  | [l] => apply l x
  | l :: rest => run rest (map relu (apply l x))
  end.

(* The first output, for several inputs and for one. *)
Definition output (net : network R) (x : list R) : R := hd 0 (run net x).
Definition value (net : network R) (x : R) : R := output net [x].

(* A construction with rational weights, as a network over the real numbers. *)
Definition real_layer (l : layer Q) : layer R :=
  Layer (map (map Q2R) (weight l)) (map Q2R (bias l)).
Definition real (net : network Q) : network R := map real_layer net.

(* How many neurons a layer has, and how many weights and biases a network has. *)
Definition width {A} (l : layer A) : nat := length (weight l).
Definition layer_parameters {A} (l : layer A) : nat :=
  length (concat (weight l)) + length (bias l).
Definition parameters {A} (net : network A) : nat :=
  fold_right (fun l n => (layer_parameters l + n)%nat) 0%nat net.
