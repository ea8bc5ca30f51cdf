(* Whether the checker of the theorem accepts, computing to so many bits. Believed: the last two lines.
   None means accepted; what is refused has a rule's name and a reason. *)
let bits = 50

let uncovered (node : Core.node) =
  match node with
  | Core.Affine (_, _, _, Some _, _) -> "a divisor"
  | Core.Affine (_, _, _, _, Some _) -> "a radius"
  | Core.Sign _ -> "the kind sign"
  | Core.Square _ -> "the kind square"
  | Core.Product _ -> "the kind product"
  | Core.Smooth _ -> "the kind smooth"
  | _ -> ""

let judge (net : Reader.network) (query : Core.query) certificate network_digest query_digest =
  let proof () =
    let columns = Certificate.decode certificate network_digest query_digest in
    List.iteri (fun k node ->
      if uncovered node <> "" then Certificate.refuse "uncovered" "node %S has %s" net.names.(k) (uncovered node))
      net.nodes;
    Certificate.tree bits net query columns in
  match proof () with
  | exception Certificate.Refused (rule, reason) -> Some (rule, reason)
  | proof ->
      if Core.check_all (Z.of_int bits) net.nodes query proof then None
      else Some ("close", "not all leaves hold")
