(* From the files of a network and of a query to what Statement.v calls a network and a query. Believed:
   docs/certificate-format.md and verifai/kernel/SPEC.md say what stands in the files. *)
open Json

(* m 2^e with an odd m, or 0: what the bits of a double stand for. *)
let dyadic (bits : int64) : Core.float =
  let exponent = Int64.to_int (Int64.logand (Int64.shift_right_logical bits 52) 2047L) in
  let fraction = Z.of_int64 (Int64.logand bits 0xFFFFFFFFFFFFFL) in
  if exponent = 2047 then bad "NaN or infinity";
  let m = if exponent = 0 then fraction else Z.add fraction (Z.shift_left Z.one 52) in
  let e = max exponent 1 - 1075 in
  if Z.sign m = 0 then { Core.fnum = Z.zero; fexp = Z.zero }
  else
    let k = Z.trailing_zeros m in
    let m = Z.shift_right m k in
    { Core.fnum = (if Int64.compare bits 0L < 0 then Z.neg m else m); fexp = Z.of_int (e + k) }

type values = Floats of Core.float array | Integers of int array
type container = { metadata : (string * string) list; arrays : (string, int list * values) Hashtbl.t }

let container (data : string) : container =
  let total = String.length data in
  if total < 8 then bad "a file of %d bytes" total;
  let length = String.get_int64_le data 0 in
  if Int64.compare length 0L < 0 || Int64.compare length (Int64.of_int (total - 8)) > 0 then bad "a bad header";
  let length = Int64.to_int length in
  let header = match parse (String.sub data 8 length) with Object l -> l | _ -> bad "a header that is no object" in
  let arrays = Hashtbl.create 64 in
  let read start (name, entry) =
    match fields name [ "dtype"; "shape"; "data_offsets" ] entry with
    | [ dtype; shape; offsets ] ->
        let shape = List.map (natural name) (list name shape) in
        let n = volume name shape in
        let width, cell =
          match dtype with
          | Text "F64" -> 8, `Float (String.get_int64_le data)
          | Text "F32" -> 4, `Float (fun i -> Int64.bits_of_float (Int32.float_of_bits (String.get_int32_le data i)))
          | Text "I64" -> 8, `Integer (fun i -> Int64.to_int (String.get_int64_le data i))
          | _ -> bad "array %s: its type is none that a network has" name in
        (match List.map (natural name) (list name offsets) with
         | [ a; b ] when a = start && b = start + (n * width) && 8 + length + b <= total -> ()
         | _ -> bad "array %s: bad offsets" name);
        let every cell = Array.init n (fun i -> cell (8 + length + start + (i * width))) in
        let values =
          match cell with `Float f -> Floats (every (fun i -> dyadic (f i))) | `Integer f -> Integers (every f) in
        Hashtbl.add arrays name (shape, values);
        start + (n * width)
    | _ -> assert false in
  let metadata, entries = List.partition (fun (name, _) -> name = "__metadata__") header in
  if 8 + length + List.fold_left read 0 entries <> total then bad "bytes behind the last array";
  let metadata =
    match metadata with
    | [ (_, Object l) ] -> List.map (fun (k, v) -> (k, text k v)) l
    | [] -> []
    | _ -> bad "metadata that is no object" in
  { metadata; arrays }

(* * Networks *)

type network = { nodes : Core.node list; names : string array; sizes : int array; shapes : int list array;
  results : int list }

let position names where = function
  | Text name when Hashtbl.mem names name -> Hashtbl.find names name
  | _ -> bad "%s: want the name of an earlier node" where

let network (data : string) : network =
  let file = container data in
  let meta = List.map (fun (k, v) -> (k, Text v)) file.metadata in
  let nodes, outputs =
    match fields "network" [ "format"; "nodes"; "outputs" ] (Object meta) with
    | [ Text "verifai-network-1"; Text nodes; Text outputs ] -> (parse nodes, parse outputs)
    | _ -> bad "network: want the format verifai-network-1" in
  let used = Hashtbl.create 64 and names = Hashtbl.create 64 in
  let get where name =
    let name = text where name in
    match Hashtbl.find_opt file.arrays name with
    | Some (shape, values) when not (List.mem 0 shape) -> Hashtbl.replace used name (); (shape, values)
    | _ -> bad "%s: want the name of an array" where in
  let floats where name = match get where name with
    | shape, Floats a -> (shape, a) | _ -> bad "%s: want an array of floats" where in
  let spread where name n =      (* n numbers, or one that stands for all *)
    match floats where name with
    | [ m ], a when m = n -> Array.to_list a
    | [ 1 ], a -> List.init n (fun _ -> a.(0))
    | _ -> bad "%s: want %d numbers" where n in
  let sizes = ref [||] in
  let operator where source outputs item : Core.operator =
    let inputs = !sizes.(source) in
    match item with
    | Object l when List.assoc_opt "operator" l = Some (Text "dense") -> (
        match fields where [ "source"; "operator"; "weight" ] item with
        | [ _; _; w ] -> (
            match floats where w with
            | [ m; k ], a -> Core.Dense (m, k, Array.to_list a)
            | _ -> bad "%s: want a weight of two axes" where)
        | _ -> assert false)
    | Object l when List.assoc_opt "operator" l = Some (Text "gather") -> (
        match fields where [ "source"; "operator"; "index"; "scale" ] item with
        | [ _; _; index; scale ] ->
            let index =
              match index with
              | Null -> List.init inputs (fun i -> Some i)
              | _ -> (
                  match get where index with
                  | [ _ ], Integers a ->
                      List.map (fun i -> if i = -1 then None else if i >= 0 then Some i else bad "%s: a bad index" where)
                        (Array.to_list a)
                  | _ -> bad "%s: want an index" where) in
            Core.Gather (index, spread where scale outputs)
        | _ -> assert false)
    | Object l when List.assoc_opt "operator" l = Some (Text "conv") -> (
        let keys = [ "source"; "operator"; "weight"; "spatial"; "stride"; "before"; "after"; "dilation"; "groups" ] in
        match fields where keys item with
        | [ _; _; w; spatial; stride; before; after; dilation; groups ] -> (
            let naturals = function List l -> List.map (natural where) l | _ -> bad "%s: want a list" where in
            let spatial = naturals spatial and stride = naturals stride and before = naturals before in
            let after = naturals after and dilation = naturals dilation and groups = natural where groups in
            if List.exists (fun l -> List.length l <> List.length spatial) [ stride; before; after; dilation ]
               || List.mem 0 (spatial @ stride @ dilation @ [ groups ])
            then bad "%s: a bad convolution" where;
            match floats where w with
            | outs :: per :: kernel, a when List.length kernel = List.length spatial ->
                let nth l i = List.nth l i in
                let lengths =
                  List.mapi
                    (fun i n ->
                      let room = n + nth before i + nth after i - (nth dilation i * (nth kernel i - 1)) - 1 in
                      if room < 0 then bad "%s: a kernel that is too long" where else (room / nth stride i) + 1)
                    spatial in
                let shapes = [ (per * groups) :: spatial; outs :: lengths; outs :: per :: kernel ] in
                List.iter (fun s -> ignore (volume where s)) shapes;
                Core.Conv { Core.in_shape = (per * groups) :: spatial; out_shape = outs :: lengths; kernel; groups;
                  before; stride; dilation; weight = Array.to_list a }
            | _ -> bad "%s: a bad weight" where)
        | _ -> assert false)
    | _ -> bad "%s: want a dense, gather or conv operator" where in
  let pwl where n knots slopes anchor =
    match (floats where knots, floats where slopes, floats where anchor) with
    | ([ k; km ], knots), ([ s; sm ], slopes), ([ am ], anchor) when s = k + 1 && k > 0 ->
        if List.exists (fun m -> m <> 1 && m <> n) [ km; sm; am ] then bad "%s: knots of another width" where;
        let at a m j i = a.((j * m) + if m = 1 then 0 else i) in
        let one i =
          { Core.left = at slopes sm 0 i; knot = at knots km 0 i; anchor = at anchor am 0 i; right = at slopes sm 1 i;
            more = List.init (k - 1) (fun j -> (at knots km (j + 1) i, at slopes sm (j + 2) i)) } in
        if km = 1 && sm = 1 && am = 1 then let f = one 0 in List.init n (fun _ -> f) else List.init n one
    | _ -> bad "%s: knots and slopes that do not fit" where in
  let functions = [ ("sigmoid", Core.Sigmoid); ("tanh", Core.Tanh); ("exp", Core.Exp); ("log", Core.Log);
    ("reciprocal", Core.Reciprocal); ("sqrt", Core.Sqrt); ("erf", Core.Erf); ("sin", Core.Sin); ("cos", Core.Cos) ] in
  let shapes = ref [] in
  let node item : Core.node =
    let kind, name, shape =
      match item with
      | Object l -> (
          match (List.assoc_opt "kind" l, List.assoc_opt "name" l, List.assoc_opt "shape" l) with
          | Some (Text kind), Some (Text name), Some (List shape) -> (kind, name, shape)
          | _ -> bad "a node without kind, name or shape")
      | _ -> bad "a node that is no object" in
    let where = Printf.sprintf "node %S" name in
    if Hashtbl.mem names name then bad "%s occurs twice" where;
    let shape = List.map (natural where) shape in
    let n = volume where shape in
    if n = 0 then bad "%s: no values" where;
    let rest keys = match fields where ("kind" :: "name" :: "shape" :: keys) item with
      | _ :: _ :: _ :: rest -> rest | _ -> assert false in
    let source = position names where in
    let found : Core.node =
      match kind with
      | "input" -> ignore (rest []); Core.Input n
      | "affine" -> (
          match rest [ "terms"; "bias"; "divisor"; "radius" ] with
          | [ terms; bias; divisor; radius ] ->
              let term t =
                let s = match t with
                  | Object l -> source (Option.value (List.assoc_opt "source" l) ~default:Null) | _ -> source Null in
                { Core.source = s; inputs = !sizes.(s); operation = operator where s n t } in
              let optional = function Null -> None | a -> Some (spread where a n) in
              let whole (d : Core.float) =
                if Z.sign d.fnum <= 0 || Z.sign d.fexp < 0 then bad "%s: a divisor that is no positive integer" where;
                Z.shift_left d.fnum (Z.to_int d.fexp) in
              let terms = List.map term (list where terms) in
              let bias = spread where bias n in
              Core.Affine (n, terms, bias, Option.map (List.map whole) (optional divisor), optional radius)
          | _ -> assert false)
      | "pwl" -> (
          match rest [ "source"; "knots"; "slopes"; "anchor" ] with
          | [ s; knots; slopes; anchor ] -> let s = source s in Core.Piecewise (s, pwl where n knots slopes anchor)
          | _ -> assert false)
      | "sign" -> Core.Sign (n, source (List.hd (rest [ "source" ])))
      | "square" -> Core.Square (n, source (List.hd (rest [ "source" ])))
      | "product" -> (
          match rest [ "left"; "right" ] with
          | [ l; r ] -> let l = source l in Core.Product (n, l, source r)
          | _ -> assert false)
      | "smooth" -> (
          match rest [ "source"; "function" ] with
          | [ s; Text f ] when List.mem_assoc f functions -> Core.Smooth (n, source s, List.assoc f functions)
          | _ -> bad "%s: an unknown function" where)
      | _ -> bad "%s: an unknown kind" where in
    Hashtbl.add names name (Array.length !sizes);
    sizes := Array.append !sizes [| n |];
    shapes := shape :: !shapes;
    found in
  let nodes = List.map node (list "nodes" nodes) in
  if Hashtbl.length used <> Hashtbl.length file.arrays then bad "network: an array that is not used";
  let results = List.map (position names "outputs") (list "outputs" outputs) in
  let order = Array.make (Hashtbl.length names) "" in
  Hashtbl.iter (fun name i -> order.(i) <- name) names;
  { nodes; names = order; sizes = !sizes; shapes = Array.of_list (List.rev !shapes); results }

(* * Queries *)

let ten n = Z.pow (Z.of_int 10) n

(* A decimal with an optional exponent, or p/q. *)
let rational where = function
  | Text s when String.length s <= 4000 -> (
      let fail () = bad "%s: not a number: %s" where s in
      let digits s = if String.for_all (fun c -> '0' <= c && c <= '9') s then s else fail () in
      let sign, body =
        if s <> "" && (s.[0] = '-' || s.[0] = '+') then (s.[0] = '-', String.sub s 1 (String.length s - 1)) else (false, s) in
      let signed z = if sign then Z.neg z else z in
      match String.split_on_char '/' body with
      | [ p; q ] when p <> "" && q <> "" ->
          let q = Z.of_string (digits q) in
          if Z.sign q = 0 then fail ();
          { Core.qnum = signed (Z.of_string (digits p)); qden = q }
      | [ _ ] ->
          let body, exponent =
            match String.split_on_char 'e' (String.map (function 'E' -> 'e' | c -> c) body) with
            | [ b ] -> (b, 0)
            | [ b; e ] when e <> "" ->
                let minus = e.[0] = '-' in
                let e = if minus || e.[0] = '+' then String.sub e 1 (String.length e - 1) else e in
                if e = "" || String.length e > 9 then fail ();
                let n = Z.to_int (Z.of_string (digits e)) in
                (b, if minus then -n else n)
            | _ -> fail () in
          let whole, fraction =
            match String.split_on_char '.' body with [ a ] -> (a, "") | [ a; b ] -> (a, b) | _ -> fail () in
          if whole = "" && fraction = "" then fail ();
          let m = signed (Z.of_string ("0" ^ digits whole ^ digits fraction)) in
          let e = exponent - String.length fraction in
          if abs e > 8000 then fail ();
          if e >= 0 then { Core.qnum = Z.mul m (ten e); qden = Z.one } else { Core.qnum = m; qden = ten (-e) }
      | _ -> fail ())
  | _ -> bad "%s: want a number as a text of at most 4000 characters" where

(* The least numerator and denominator: the checker multiplies atoms by denominators. *)
let reduced (r : Core.q) =
  let g = Z.gcd r.qnum r.qden in
  { Core.qnum = Z.divexact r.qnum g; qden = Z.divexact r.qden g }

type query = { asked : Core.query; assumptions : string list }

let query (net : network) (digest : string) (data : string) : query =
  let item = parse data in
  let keys = [ "format"; "network"; "inputs"; "domain"; "unsafe" ] in
  let assuming = match item with Object l -> List.mem_assoc "assumptions" l | _ -> false in
  let number where v = reduced (rational where v) in
  match fields "query" (if assuming then keys @ [ "assumptions" ] else keys) item with
  | Text form :: Text about :: inputs :: domain :: unsafe :: others ->
      if form <> (if assuming then "verifai-query-2" else "verifai-query-1") then bad "query: an unknown format";
      if about <> digest then bad "query: it is about another network";
      let names = Hashtbl.create 64 in
      Array.iteri (fun i name -> Hashtbl.add names name i) net.names;
      let atom item : Core.atom =
        match fields "atom" [ "sum"; "plus"; "is" ] item with
        | [ total; plus; is ] ->
            let summand = function
              | List [ c; name; i ] ->
                  let k = position names "atom" name and i = natural "atom" i in
                  if i >= net.sizes.(k) then bad "atom: a value that the network does not have";
                  (number "atom" c, (k, i))
              | _ -> bad "atom: want coefficient, node, index" in
            let summands = List.map summand (list "atom" total) in
            let places = List.map snd summands in
            if List.length (List.sort_uniq compare places) <> List.length places then bad "atom: a value twice";
            let summands = List.filter (fun ((c : Core.q), _) -> Z.sign c.qnum <> 0) summands in
            let is = match is with
              | Text "<=" -> Core.AtMost | Text "<" -> Core.Less | Text "=" -> Core.Equal
              | _ -> bad "atom: want <=, < or =" in
            { Core.summands; plus = number "atom" plus; is }
        | _ -> assert false in
      let rec formula depth item : Core.formula =
        if depth > 64 then bad "unsafe: nested too deeply";
        match item with
        | Object [ ("and", List l) ] -> Core.And (List.map (formula (depth + 1)) l)
        | Object [ ("or", List (_ :: _ as l)) ] -> Core.Or (List.map (formula (depth + 1)) l)
        | _ -> Core.Is (atom item) in
      let box k item =
        match fields "inputs" [ "node"; "lower"; "upper"; "integer" ] item with
        | [ Text name; List lower; List upper; List marks ] ->
            if name <> net.names.(k) then bad "inputs: want node %s" net.names.(k);
            if List.length lower <> net.sizes.(k) || List.length upper <> net.sizes.(k) then bad "inputs: another size";
            let rec rising = function a :: (b :: _ as l) -> a < b && rising l | _ -> true in
            let marks = List.map (natural "inputs") marks in
            if not (rising marks) || List.exists (fun i -> i >= net.sizes.(k)) marks then bad "inputs: bad integers";
            ((k, List.map2 (fun a b -> (number "inputs" a, number "inputs" b)) lower upper), List.map (fun i -> (k, i)) marks)
        | _ -> bad "inputs: want node, lower, upper, integer" in
      let positions = List.filteri (fun _ k -> match List.nth net.nodes k with Core.Input _ -> true | _ -> false)
          (List.init (List.length net.nodes) Fun.id) in
      let inputs = list "inputs" inputs in
      if List.length inputs <> List.length positions then bad "inputs: not all input nodes, or more";
      let boxes = List.map2 box positions inputs in
      let unsafe = formula 0 unsafe in
      (match unsafe with Core.And _ -> () | _ -> bad "unsafe: want an object with and at the top");
      let assumptions = List.concat_map (fun l -> List.map (text "assumptions") (list "assumptions" l)) others in
      if assuming && assumptions = [] then bad "query: assumptions: want one at least";
      { asked = { Core.box = List.map fst boxes; integers = List.concat_map snd boxes;
          domain = List.map atom (list "domain" domain); unsafe }; assumptions }
  | _ -> bad "query: want a format and a network"
