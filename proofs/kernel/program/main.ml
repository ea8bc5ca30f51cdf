(* verifai-proved NETWORK QUERY CERTIFICATE...: prints what is claimed, and accepts only what the checker
   of the theorem accepted. Exit codes: 0 all accepted, 1 one refused (a rule is named), 4 a file cannot
   be read. *)
let contents path =
  let channel = open_in_bin path in
  let text = really_input_string channel (in_channel_length channel) in
  close_in channel;
  text

let number (r : Core.q) =
  if Z.equal r.qden Z.one then Z.to_string r.qnum else Z.to_string r.qnum ^ "/" ^ Z.to_string r.qden

let value (net : Reader.network) (k, i) = Printf.sprintf "%s[%d]" net.names.(k) i

let atom net (a : Core.atom) =
  let term (c, v) = Printf.sprintf "%s * %s + " (number c) (value net v) in
  let is = match a.is with Core.AtMost -> "<=" | Core.Less -> "<" | Core.Equal -> "=" in
  Printf.sprintf "%s%s %s 0" (String.concat "" (List.map term a.summands)) (number a.plus) is

let rec formula net indent (f : Core.formula) =
  let parts word l =
    if l = [] then Printf.sprintf "%s%s of nothing\n" indent word
    else Printf.sprintf "%s%s:\n%s" indent word (String.concat "" (List.map (formula net (indent ^ "  ")) l)) in
  match f with
  | Core.Is a -> Printf.sprintf "%s%s\n" indent (atom net a)
  | Core.And l -> parts "all of" l
  | Core.Or l -> parts "one of" l

let statement (net : Reader.network) (q : Reader.query) network query =
  Printf.printf "network %s\nquery %s\n" network query;
  List.iter (Printf.printf "assumed: %s\n") q.assumptions;
  Printf.printf "No values of the %d nodes of this network, over the real numbers, have\n" (List.length net.nodes);
  List.iter (fun (k, bounds) -> List.iteri (fun i (low, high) ->
    Printf.printf "  %s <= %s <= %s\n" (number low) (value net (k, i)) (number high)) bounds) q.asked.box;
  List.iter (fun v -> Printf.printf "  %s an integer\n" (value net v)) q.asked.integers;
  List.iter (fun a -> Printf.printf "  %s\n" (atom net a)) q.asked.domain;
  print_string (formula net "  " q.asked.unsafe)

(* One line for every certificate; whether all were accepted. *)
let verdicts net query certificates digest about =
  List.fold_left (fun all path ->
    match Judge.judge net query (contents path) digest about with
    | None -> print_string "accepted: proved\n"; all
    | Some (rule, reason) -> Printf.printf "refused: rule %s: %s\n" rule reason; false) true certificates

let () =
  match Array.to_list Sys.argv with
  | _ :: network :: query :: (_ :: _ as certificates) -> (
      try
        let network = contents network and query = contents query in
        let digest = Sha256.hex network and about = Sha256.hex query in
        let net = Reader.network network in
        let asked = Reader.query net digest query in
        statement net asked digest about;
        exit (if verdicts net asked.asked certificates digest about then 0 else 1)
      with
      | Json.Bad reason | Sys_error reason -> prerr_endline reason; exit 4
      | Stack_overflow -> prerr_endline "the stack is too small (ulimit -s unlimited)"; exit 4
      | Out_of_memory -> prerr_endline "no memory left"; exit 4)
  | _ -> prerr_endline "usage: verifai-proved NETWORK QUERY CERTIFICATE..."; exit 4
