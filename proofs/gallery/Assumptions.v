(* What every theorem of this folder rests on besides Coq's logic; the build prints it. *)

From Gallery Require Import
  YarotskySquare
  YarotskyProduct
  SawtoothDepth
  ParityBits
  ParityIntegers
  ParityRecurrent
  UniversalStep
  StableExists
  LinearConvolutions
  NetFacts.

Goal True. idtac "== yarotsky_square". Abort.
Print Assumptions yarotsky_square.

Goal True. idtac "== yarotsky_product". Abort.
Print Assumptions yarotsky_product.

Goal True. idtac "== sawtooth_depth". Abort.
Print Assumptions sawtooth_depth.

Goal True. idtac "== parity_bits". Abort.
Print Assumptions parity_bits.

Goal True. idtac "== parity_integers". Abort.
Print Assumptions parity_integers.

Goal True. idtac "== parity_recurrent". Abort.
Print Assumptions parity_recurrent.

Goal True. idtac "== universal_step". Abort.
Print Assumptions universal_step.

Goal True. idtac "== stable_exists". Abort.
Print Assumptions stable_exists.

Goal True. idtac "== linear_convolutions". Abort.
Print Assumptions linear_convolutions.

Goal True. idtac "== same_network". Abort.
Print Assumptions same_network.
