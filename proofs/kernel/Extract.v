(** The checker as a program in OCaml, over the integers of Zarith and the machine's for [nat]: positions
    and sizes, which the reader of the files keeps below 2^30. Each line here is believed. *)
From Coq Require Import ZArith QArith List Extraction ExtrOcamlBasic ExtrOcamlNatInt.
From Flocq Require Import Core.
From Kernel Require Import Statement Forms Packed Lines Checker.

Extract Inductive positive => "Number.t"
  [ "(fun p -> Number.add (Number.shiftl p Number.one) Number.one)" "(fun p -> Number.shiftl p Number.one)" "Number.one" ]
  "(fun odd even one p -> if Number.equal p Number.one then one () else if Number.is_even p then even (Number.shiftr p Number.one) else odd (Number.shiftr p Number.one))".
Extract Inductive Z => "Number.t" [ "Number.zero" "" "Number.neg" ]
  "(fun zero pos neg z -> let s = Number.sign z in if s = 0 then zero () else if s > 0 then pos z else neg (Number.neg z))".
Extract Constant Z.add => "Number.add".
Extract Constant Z.sub => "Number.sub".
Extract Constant Z.opp => "Number.neg".
Extract Constant Z.mul => "Number.mul".
Extract Constant Z.max => "Number.max".
Extract Constant Z.min => "Number.min".
Extract Constant Z.abs => "Number.abs".
Extract Constant Z.leb => "Number.leq".
Extract Constant Z.ltb => "Number.lt".
Extract Constant Z.eqb => "Number.equal".
Extract Constant Z.compare =>
  "(fun a b -> let c = Number.compare a b in if c = 0 then Eq else if c < 0 then Lt else Gt)".
Extract Constant Z.shiftl => "Number.shiftl".
Extract Constant Z.shiftr => "Number.shiftr".
Extract Constant Z.div => "Number.div".
Extract Constant Z.modulo => "Number.modulo".
Extract Constant Z.pow => "Number.power".
Extract Constant Z.log2 => "Number.log2".
Extract Constant Z.of_nat => "Number.of_int".
Extract Constant Pos.mul => "Number.mul".
Extract Constant Nat.div => "(fun n m -> if m = 0 then m else n / m)".
Extract Constant Nat.modulo => "(fun n m -> if m = 0 then n else n mod m)".
Extract Constant PeanoNat.Nat.add => "(+)".
Extract Constant PeanoNat.Nat.mul => "( * )".
Extract Constant PeanoNat.Nat.sub => "(fun n m -> if n < m then 0 else n - m)".
Extract Constant List.nth => "Number.nth".
Extract Constant Packed.extract => "Number.slice".

Extraction "core.ml" check_all compile_all.
