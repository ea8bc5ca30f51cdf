(* Whether the checker of the theorem accepts: to 26 or 50 bits with packed rows, or else exactly, to many.
   Believed: the last four lines. None means accepted; what is refused has a rule's name and a reason. *)
let judge (net : Reader.network) (query : Core.query) certificate network_digest query_digest =
  let proof () =
    let columns = Certificate.decode certificate network_digest query_digest in
    fun exact bits -> Certificate.tree ~exact bits net query columns in
  let attempt tree (sharp, bits) = Core.check_all (Z.of_int bits) sharp net.nodes query (tree sharp bits) in
  match
    let tree = proof () in
    List.exists (attempt tree) [ (false, 26); (false, 50); (true, 400) ]
  with
  | exception Certificate.Refused (rule, reason) -> Some (rule, reason)
  | true -> None
  | false -> Some ("close", "not all leaves hold")
