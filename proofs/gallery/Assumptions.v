(* What every theorem of this folder rests on besides Coq's logic; the build prints it. *)

From Gallery Require Import YarotskySquare SawtoothDepth ParityBits ParityIntegers NetFacts.

Goal True. idtac "== yarotsky_square". Abort.
Print Assumptions yarotsky_square.

Goal True. idtac "== sawtooth_depth". Abort.
Print Assumptions sawtooth_depth.

Goal True. idtac "== parity_bits". Abort.
Print Assumptions parity_bits.

Goal True. idtac "== parity_integers". Abort.
Print Assumptions parity_integers.

Goal True. idtac "== same_network". Abort.
Print Assumptions same_network.
