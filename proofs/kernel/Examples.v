(** The checker at work on small queries: it accepts, and it refuses what is wrong. What is accepted is
    true by [check_sound]. *)
From Coq Require Import ZArith QArith Reals List Bool.
From Flocq Require Import Core.
From Kernel Require Import Statement Sanity Forms Kinds Checker Main.
Import ListNotations.

Definition bits := 20%Z.
(** |x| >= bound for some x in the box? *)
Definition at_least (bound : Q) (box : Q * Q) : query :=
  Query [(0%nat, [box])] [] [] (And [Is (Atom [(-1 # 1, (3, 0)%nat)] bound AtMost)]).
(** The forward pass and one multiplier. *)
Definition one := Z.shiftl 1 bits.
Definition direct : proof := Close (Block [one] [] []).
Example accepted : check_all bits false absolute (at_least (5 # 1) (-2 # 1, 2 # 1)%Q) direct = true.
Proof. vm_compute. reflexivity. Qed.
Example true_then : forall x, ~ violates absolute (at_least (5 # 1) (-2 # 1, 2 # 1)%Q) x.
Proof. exact (check_sound _ _ _ _ _ accepted). Qed.

(** |x| >= 3/2 on [-1, 1], by a split at 0. *)
Definition tight := at_least (3 # 2) (-1 # 1, 1 # 1)%Q.
Definition derived (next : proof) : proof := Derive [Bounds 1 None; Bounds 2 None] next.
Definition halved : proof := Split [((0%nat, 0%nat), 1%Z)] 0%Z
  (derived (Close (Block [0%Z; one] [] []))) (derived (Close (Block [0%Z; one] [] []))).
Example halved_accepted : check_all bits false absolute tight halved = true.
Proof. vm_compute. reflexivity. Qed.

(** Refused: what is false, a leaf without its multiplier or with a negative one, a network with a node of
    a kind that is not checked. *)
Example false_refused :
  map (check_all bits false absolute (at_least (1 # 2) (-1 # 1, 1 # 1)%Q)) [direct; halved] = [false; false].
Proof. vm_compute. reflexivity. Qed.
Definition both := Query [(0%nat, [(-2 # 1, 2 # 1)%Q])] [] []
  (And [Is (Atom [(-1 # 1, (3, 0)%nat); (-1 # 1, (0, 0)%nat)] (7 # 1) AtMost)]).
Example multipliers :
  map (fun m => check_all bits false absolute both (Close (Block m [] []))) [[one]; []; [(- one)%Z]]
  = [true; false; false].
Proof. vm_compute. reflexivity. Qed.
Example other_kinds_refused :
  map (fun n => check_all bits false [Input 1; n] (Query [(0%nat, [(0, 0)%Q])] [] [] (Or [])) (Close (Block [] [] [])))
    [Piecewise 0 [relu]; Sign 1 0; Square 1 0; Product 1 0 0; Smooth 1 0 Exp;
     Affine 1 [] [zero] (Some [1%positive]) None; Affine 1 [] [zero] None (Some [zero])]
  = [true; true; true; true; false; false; false].
Proof. vm_compute. reflexivity. Qed.

(** A convolution with a sum of two terms: 2 x_0 + 3 x_1 + y_0 reaches 6 on the unit box, not 7. *)
Definition summed : network :=
  [Input 4; Input 2;
   Affine 2 [Term 0 4 (Conv (Convolution [1; 4]%nat [1; 2]%nat [3]%nat 1 [1]%nat [2]%nat [1]%nat
               (map int [1; 2; 3]%Z)));
             Term 1 2 (Gather [Some 0; None]%nat [int 1; int 1])] [zero; zero] None None].
Definition reaches (bound : Q) : query :=
  Query [(0%nat, repeat (0, 1)%Q 4); (1%nat, repeat (0, 1)%Q 2)] [] []
    (And [Is (Atom [(-1 # 1, (2, 0)%nat)] bound AtMost)]).
Example sum_accepted : check_all bits false summed (reaches (7 # 1)) direct = true.
Proof. vm_compute. reflexivity. Qed.
Example sum_reached : check_all bits false summed (reaches (6 # 1)) direct = false.
Proof. vm_compute. reflexivity. Qed.
