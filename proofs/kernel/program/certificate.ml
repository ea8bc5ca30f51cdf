(* From a certificate of format 2 to the tree that the checker of the theorem judges. Not believed:
   whatever tree comes out, its acceptance is a proof. *)
exception Refused of string * string

let refuse rule fmt = Printf.ksprintf (fun s -> raise (Refused (rule, s))) fmt

(* * Columns *)

type columns = {
  split_at : Core.float array; form_factor : Core.float array; entry_number : Core.float array;
  split_form : int array; choose_or : int array; choose_count : int array; derive_plan : int array;
  close_block : int array; plan_size : int array; step_target : int array; step_block : int array;
  form_size : int array; form_value : int array; block_size : int array; block_codes : int array;
  entry_index : int array; tree : int array; entry_kind : int array; codes : int array; width : int;
  steps_stated : int; terms_stated : int }

let largest = 1 lsl 28

let decode (data : string) (network : string) (query : string) : columns =
  let total = String.length data in
  if total > largest then refuse "container" "%d bytes" total;
  if total < 8 || String.sub data 0 8 <> "verifai2" then refuse "format" "no certificate of format 2";
  let digest at name digest =
    let hex = String.concat "" (List.init 32 (fun i ->
      if at + i < total then Printf.sprintf "%02x" (Char.code data.[at + i]) else "")) in
    if hex <> digest then refuse "digest" "the certificate is about another %s" name in
  digest 8 "network" network;
  digest 40 "query" query;
  if total < 80 then refuse "container" "it ends early";
  let size = String.get_int64_le data 72 in
  if Int64.compare size 0L < 0 || Int64.compare size (Int64.of_int (min largest ((1 lsl 20) + (256 * total)))) > 0
  then refuse "container" "more bytes than such a file may hold";
  let body =
    try Inflate.zlib data 80 (Int64.to_int size)
    with Inflate.Bad what -> refuse "container" "what is compressed: %s" what in
  let at = ref 0 in
  let take width name count cell =
    if count < 0 || count > String.length body || !at + (count * width) > String.length body
    then refuse "container" "the file ends before %s does" name;
    let start = !at in
    at := start + (count * width);
    Array.init count (fun i -> cell (start + (i * width))) in
  let big i =
    let v = String.get_int64_le body i in
    if Int64.compare v 0L < 0 then refuse "container" "counts that are none";
    if Int64.compare v (Int64.of_int max_int) > 0 then max_int else Int64.to_int v in
  let count = take 8 "counts" 15 big in
  let integers name n = take 4 name n (fun i -> Int32.to_int (String.get_int32_le body i)) in
  let floats name n =
    take 8 name n (fun i ->
      try Reader.dyadic (String.get_int64_le body i) with Json.Bad _ -> refuse "range" "%s holds NaN or infinity" name) in
  let bytes name n = take 1 name n (fun i -> Char.code body.[i]) in
  let splits = count.(0) and chooses = count.(1) and derives = count.(2) and closes = count.(3) in
  let plans = count.(5) and steps = count.(6) and forms = count.(7) and terms = count.(8) in
  let blocks = count.(9) and entries = count.(10) and rows = count.(11) and width = count.(12) in
  if rows > 0 <> (width > 0) || rows > largest || width > largest then refuse "container" "counts that are none";
  let nodes = splits + chooses + derives + closes + count.(4) in
  let split_at = floats "split_at" splits in
  let form_factor = floats "form_factor" terms in
  let entry_number = floats "entry_number" entries in
  let split_form = integers "split_form" splits in
  let choose_or = integers "choose_or" chooses in
  let choose_count = integers "choose_count" chooses in
  let derive_plan = integers "derive_plan" derives in
  let close_block = integers "close_block" closes in
  let plan_size = integers "plan_size" plans in
  let step_target = integers "step_target" steps in
  let step_block = integers "step_block" steps in
  let form_size = integers "form_size" forms in
  let form_value = integers "form_value" terms in
  let block_size = integers "block_size" blocks in
  let block_codes = integers "block_codes" blocks in
  let entry_index = integers "entry_index" entries in
  let tree = bytes "tree" nodes in
  let entry_kind = bytes "entry_kind" entries in
  let codes = bytes "codes" (rows * width) in
  if !at <> String.length body then refuse "container" "bytes behind the last column";
  for kind = 0 to 4 do
    if Array.fold_left (fun n k -> if k = kind then n + 1 else n) 0 tree <> count.(kind)
    then refuse "tree" "records and tree nodes differ in number"
  done;
  { split_at; form_factor; entry_number; split_form; choose_or; choose_count; derive_plan; close_block; plan_size;
    step_target; step_block; form_size; form_value; block_size; block_codes; entry_index; tree; entry_kind; codes;
    width; steps_stated = count.(13); terms_stated = count.(14) }

let starts name sizes owned =
  let start = Array.make (Array.length sizes + 1) 0 in
  Array.iteri (fun i n -> if n < 0 then refuse "range" "%s has a size below 0" name; start.(i + 1) <- start.(i) + n) sizes;
  if start.(Array.length sizes) <> owned then refuse "table" "the %s do not own all that they could, or more" name;
  start

(* Every index points at something, and everything is pointed at. *)
let check_form (c : columns) (net : Reader.network) owner =
  let n = Array.length in
  let values = Array.fold_left ( + ) 0 net.sizes and layers = n net.sizes in
  let forms = n c.form_size and blocks = n c.block_size and plans = n c.plan_size in
  let rows = n c.block_codes and codes = if c.width = 0 then 0 else n c.codes / c.width in
  ignore rows;
  let range name low high = Array.iter (fun v ->
    if v < low || v >= high then refuse "range" "%s has the entry %d" name v) in
  range "split_form" (-forms) values c.split_form;
  range "choose_count" 1 (n c.tree) c.choose_count;
  range "derive_plan" 0 plans c.derive_plan;
  range "close_block" 0 blocks c.close_block;
  range "step_target" (-forms) layers c.step_target;
  range "step_block" (-3) blocks c.step_block;
  range "form_value" 0 values c.form_value;
  range "block_codes" (-1) codes c.block_codes;
  range "tree" 0 5 c.tree;
  range "entry_kind" 0 6 c.entry_kind;
  if c.tree = [||] then refuse "tree" "a tree of no nodes";
  let wanted = List.fold_left2
    (fun w node size -> match node with Core.Piecewise _ -> w + size | _ -> w) 0 net.nodes (Array.to_list net.sizes) in
  if codes > 0 && c.width <> wanted then refuse "range" "codes of %d values, not %d" c.width wanted;
  Array.iteri (fun e kind -> if kind > 0 && (c.entry_index.(e) < 0 || c.entry_index.(e) >= values)
    then refuse "range" "an entry on a value that the network does not have") c.entry_kind;
  let start = starts "blocks" c.block_size (n c.entry_index) in
  Array.iteri (fun b size ->
    for e = start.(b) to start.(b) + size - 2 do
      if c.entry_kind.(e) >= 2 && c.entry_kind.(e + 1) < 2 then refuse "table" "a multiplier behind slopes of its block"
    done) c.block_size;
  Array.iteri (fun s target ->
    if c.step_block.(s) <= -2 && target < 0 then refuse "range" "the image, or plain bounds, of a form";
    if c.step_block.(s) = -2 then
      match List.nth net.nodes target with Core.Input _ -> refuse "range" "the image of an input" | _ -> ()) c.step_target;
  let nodes = Array.of_list net.nodes in
  Array.iteri (fun e kind ->
    let places = if kind < 2 then kind else match nodes.(fst owner.(c.entry_index.(e))) with
      | Core.Input _ | Core.Affine _ -> 0 | Core.Product _ -> 4 | _ -> 2 in
    if kind >= 2 && kind - 2 >= places then refuse "range" "a slope that its node does not have") c.entry_kind;
  let used name count uses =
    let seen = Array.make count false in
    List.iter (Array.iter (fun u -> if u >= 0 then seen.(u) <- true)) uses;
    if Array.exists not seen then refuse "used" "some of the %s are never used" name in
  let negated = Array.map (fun v -> -1 - v) in
  used "plans" plans [ c.derive_plan ];
  used "forms" forms [ negated c.split_form; negated c.step_target ];
  used "blocks" blocks [ c.close_block; c.step_block ];
  used "codes" codes [ c.block_codes ]

(* No more is asked for than the certificate states and than its size allows (SPEC.md, section 10). *)
let check_work (c : columns) (net : Reader.network) longest =
  let sum f a = Array.fold_left (fun t x -> t +. f x) 0. a in
  let row = float (max 1 (Array.fold_left max longest c.form_size)) in
  let plan_start = starts "plans" c.plan_size (Array.length c.step_target) in
  let block_start = starts "blocks" c.block_size (Array.length c.entry_index) in
  let entries = Array.mapi (fun b size ->
    let kinds = Array.sub c.entry_kind block_start.(b) size in
    1. +. (row *. sum (fun k -> if k < 2 then 1. else 0.) kinds)) c.block_size in
  let of_block b = if b < 0 then 1. else entries.(b) in
  let of_form f = if f >= 0 then 1. else float c.form_size.(-1 - f) in
  let stored = Array.mapi (fun s t ->
    (if t >= 0 then 2. *. float net.sizes.(t) else of_form t) *. of_block c.step_block.(s)) c.step_target in
  let of_plan p = sum Fun.id (Array.sub stored plan_start.(p) c.plan_size.(p)) in
  let steps = sum (fun p -> float c.plan_size.(p)) c.derive_plan in
  let terms = sum of_plan c.derive_plan +. sum of_block c.close_block +. sum of_form c.split_form in
  let kept = sum Fun.id stored +. sum Fun.id entries +. 1. +. sum float c.form_size +. 1. in
  let tree = float (Array.length c.tree) and layers = float (Array.length net.sizes) in
  let values = float (Array.fold_left ( + ) 0 net.sizes) in
  List.iter (fun (what, found, stated, allowed) ->
    if found > Float.min (float stated) allowed then refuse "work" "%.3g %s are more than it may ask for" found what)
    [ ("steps", steps, c.steps_stated, 16384. +. (8. *. tree *. layers) +. (4. *. float (Array.length stored)));
      ("terms", terms, c.terms_stated, 1048576. +. (64. *. tree *. values) +. (4. *. kept)) ]

(* * The tree *)

let uncovered (node : Core.node) =
  match node with
  | Core.Affine (_, _, _, Some _, _) -> "a divisor"
  | Core.Affine (_, _, _, _, Some _) -> "a radius"
  | Core.Smooth _ -> "the kind smooth"
  | _ -> ""

(* A row of the path as the checker has it: the place in the order of joining, and the number that its
   atom was multiplied by. An equation is two rows there, the second the negated. *)
type row = { age : int; free : bool; strict : bool; times : Z.t }

let denominator (a : Core.atom) =
  List.fold_left (fun d ((c : Core.q), _) -> Z.mul d c.qden) a.plus.qden a.summands

let rec atoms = function Core.Is a -> [ a ] | Core.And l -> List.concat_map atoms l | Core.Or _ -> []
let rec choices = function Core.Is _ -> [] | Core.And l -> List.concat_map choices l | Core.Or l -> [ l ]

(* m 2^e times 2^q / d, to nearest. *)
let scaled q (m : Core.float) d =
  let e = Z.to_int m.fexp + q in
  let top, bottom = if e >= 0 then (Z.shift_left m.fnum e, d) else (m.fnum, Z.shift_left d (-e)) in
  Z.fdiv (Z.add (Z.shift_left top 1) bottom) (Z.shift_left bottom 1)

let depth_limit = 4096

(* With [exact], multipliers at leaves are scaled so that none is rounded. *)
let tree ~exact (q : int) (net : Reader.network) (query : Core.query) (c : columns) : Core.proof =
  let nodes = Array.of_list net.nodes in
  let owner = Array.make (Array.fold_left ( + ) 0 net.sizes) (0, 0) in
  let offset = Array.make (Array.length net.sizes) 0 in
  let next = ref 0 in
  Array.iteri (fun k size ->
    offset.(k) <- !next;
    for i = 0 to size - 1 do owner.(!next) <- (k, i); incr next done) net.sizes;
  check_form c net owner;
  List.iteri (fun k node ->
    if uncovered node <> "" then refuse "uncovered" "node %S has %s" net.names.(k) (uncovered node)) net.nodes;
  let rec every = function Core.Is a -> [ a ] | Core.And l | Core.Or l -> List.concat_map every l in
  check_work c net (List.fold_left (fun n (a : Core.atom) -> max n (List.length a.summands)) 0
    (query.domain @ every query.unsafe));
  let plan_start = starts "plans" c.plan_size (Array.length c.step_target) in
  let form_start = starts "forms" c.form_size (Array.length c.form_value) in
  let block_start = starts "blocks" c.block_size (Array.length c.entry_index) in
  let users = Array.make (Array.length nodes) [] in
  Array.iter (fun (node : Core.node) ->
    let reads s = users.(s) <- node :: users.(s) in
    match node with
    | Core.Input _ | Core.Affine _ -> ()
    | Core.Piecewise (s, _) | Core.Sign (_, s) | Core.Square (_, s) | Core.Smooth (_, s, _) -> reads s
    | Core.Product (_, l, r) -> reads l; if r <> l then reads r) nodes;
  (* the knots that decide whether a value is settled, where all users are piecewise linear and alike *)
  let knots k =
    let of_user : Core.node -> Z.t list option = function
      | Core.Piecewise (_, (f :: _ as fs)) ->
          let same (g : Core.pwl) = g == f || (g.knot = f.knot && List.map fst g.more = List.map fst f.more) in
          if List.for_all same fs
          then Some (List.map (fun d -> scaled q d Z.one) (f.knot :: List.map fst f.more)) else None
      | _ -> None in
    let found = List.map of_user users.(k) in
    if found = [] || List.mem None found then None else Some (List.concat_map Option.get found) in
  let knots = Array.init (Array.length nodes) (fun k -> lazy (knots k)) in
  let form index : (Core.float * int) list =
    if index >= 0 then [ ({ Core.fnum = Z.one; fexp = Z.zero }, index) ]
    else
      let f = -1 - index in
      let l = List.init c.form_size.(f) (fun j -> (c.form_factor.(form_start.(f) + j), c.form_value.(form_start.(f) + j))) in
      let values = List.map snd l in
      if l = [] || List.length (List.sort_uniq compare values) <> List.length l
      then refuse "form" "a form that names no value, or one twice";
      if List.exists (fun ((f : Core.float), _) -> Z.sign f.fnum = 0) l then refuse "form" "a form with a factor zero";
      l in
  (* Integer factors, and the power of two that they were multiplied by. *)
  let integral l (at : Core.float) =
    let e = List.fold_left (fun e ((f : Core.float), _) -> min e (Z.to_int f.fexp)) (min 0 (Z.to_int at.fexp)) l in
    let whole (f : Core.float) = Z.shift_left f.fnum (Z.to_int f.fexp - e) in
    (List.map (fun (f, v) -> (owner.(v), whole f)) l, whole at, Z.shift_left Z.one (-e)) in
  let is_integer (f : Core.float) = Z.sign f.fexp >= 0 in
  let floor (f : Core.float) =
    if is_integer f then f else { Core.fnum = Z.shift_right f.fnum (- (Z.to_int f.fexp)); fexp = Z.zero } in
  (* which values the checker knows to be integers *)
  let whole = lazy (
    let layers = match Core.compile_all (Z.of_int q) query net.nodes [] with
      | Some layers -> Array.of_list (List.rev_map (fun (l : Core.layer) -> Array.of_list l.wh) layers)
      | None -> [||] in
    fun v ->
      let k, i = owner.(v) in
      k < Array.length layers && i < Array.length layers.(k) && layers.(k).(i)) in
  let whole =
    if query.integers = [] && not (List.exists (function Core.Sign _ -> true | _ -> false) net.nodes)
    then lazy (fun _ -> false) else whole in
  let position = ref 0 and record = Array.make 5 0 in
  (* where the codes of a piecewise-linear node stand in a row *)
  let column = Array.make (Array.length nodes) 0 in
  ignore (Array.fold_left (fun (k, at) node ->
    column.(k) <- at;
    (k + 1, match node with Core.Piecewise _ -> at + net.sizes.(k) | _ -> at)) (0, 0) nodes);
  (* hints of a block, the last node first *)
  let hints block : Core.hint list list =
    let row = c.block_codes.(block) and slopes = Hashtbl.create 16 and touched = Array.make (Array.length nodes) false in
    for e = block_start.(block) to block_start.(block + 1) - 1 do
      if c.entry_kind.(e) >= 2 then begin
        touched.(fst owner.(c.entry_index.(e))) <- true;
        Hashtbl.replace slopes (c.entry_index.(e), c.entry_kind.(e) - 2) (scaled q c.entry_number.(e) Z.one)
      end
    done;
    let of_node k : Core.hint list =
      let coded = row >= 0 && (match nodes.(k) with Core.Piecewise _ -> true | _ -> false) in
      if not (coded || touched.(k)) then []
      else List.init net.sizes.(k) (fun i ->
        { Core.code = (if coded then Z.of_int c.codes.((row * c.width) + column.(k) + i) else Z.of_int 255);
          slopes = if touched.(k) then List.init 4 (fun p -> Hashtbl.find_opt slopes (offset.(k) + i, p)) else [] }) in
    if row < 0 && not (Array.mem true touched) then []
    else List.rev (List.init (Array.length nodes) of_node) in
  (* of_rows in the order of joining, and of_ends; times [factor] *)
  let multipliers (rows : row array) total block factor =
    let ms = Array.make total Z.zero and ends = ref [] in
    for e = block_start.(block) to block_start.(block + 1) - 1 do
      let number = c.entry_number.(e) in
      let number = { number with Core.fnum = Z.mul number.fnum factor } in
      (match c.entry_kind.(e) with
       | 0 ->
           let i = c.entry_index.(e) in
           let n = Array.length rows in
           if i < -n || i >= n then refuse "multiplier" "the path has no row %d" i;
           let row = rows.(if i < 0 then n + i else i) in
           let negative = Z.sign number.fnum < 0 in
           if negative && not row.free then refuse "multiplier" "a negative multiplier of a row that is not free";
           let m = scaled q number row.times in
           let place = row.age + if negative then 1 else 0 in
           ms.(place) <- Z.add ms.(place) (Z.abs m)
       | 1 -> ends := (owner.(c.entry_index.(e)), scaled q number Z.one) :: !ends
       | _ -> ())
    done;
    (ms, List.rev !ends) in
  (* the multipliers in the order of the checker's rows: the newest first, the root's as they stand *)
  let first_atoms = query.domain @ atoms query.unsafe in
  let add (rows, total) (a : Core.atom) =
    let row = { age = total; free = a.is = Core.Equal; strict = a.is = Core.Less; times = denominator a } in
    (row :: rows, total + if row.free then 2 else 1) in
  let root_rows, root_total = List.fold_left add ([], 0) first_atoms in
  let ordered ms =
    let n = Array.length ms in
    List.init n (fun i -> if i < n - root_total then ms.(n - 1 - i) else ms.(i - (n - root_total))) in
  let block rows total b factor : Core.block =
    let ms, of_ends = multipliers (Array.of_list (List.rev rows)) total b factor in
    { Core.of_rows = ordered ms; of_ends; hints = hints b } in
  let nothing : Core.block = { Core.of_rows = []; of_ends = []; hints = [] } in
  let rec build depth rows total ors : Core.proof =
    if depth > depth_limit then refuse "tree" "deeper than %d" depth_limit;
    if !position >= Array.length c.tree then refuse "tree" "a node lacks a child";
    let kind = c.tree.(!position) in
    incr position;
    let r = record.(kind) in
    record.(kind) <- r + 1;
    match kind with
    | 0 ->
        let l = form c.split_form.(r) and at = c.split_at.(r) in
        let at = if List.for_all (fun (f, v) -> is_integer f && Lazy.force whole v) l then floor at else at in
        let terms, at, times = integral l at in
        let row = { age = total; free = false; strict = false; times } in
        let one = build (depth + 1) (row :: rows) (total + 1) ors in
        let two = build (depth + 1) ({ row with strict = true } :: rows) (total + 1) ors in
        Core.Split (terms, Z.shift_left at q, one, two)
    | 1 ->
        let which = c.choose_or.(r) in
        if which < 0 || which >= List.length ors then refuse "choose" "the path has no open disjunction %d" which;
        let parts = List.nth ors which in
        if List.length parts <> c.choose_count.(r) then refuse "choose" "another number of alternatives";
        let rest = List.filteri (fun i _ -> i <> which) ors in
        let children = List.map (fun part ->
          let rows, total = List.fold_left add (rows, total) (atoms part) in
          build (depth + 1) rows total (rest @ choices part)) parts in
        List.fold_right (fun child others -> Core.Choose (which, child, others)) children (Core.Close nothing)
    | 2 ->
        let plan = c.derive_plan.(r) in
        let step (steps, rows, total) j =
          let s = plan_start.(plan) + j in
          let target = c.step_target.(s) and b = c.step_block.(s) in
          if target < 0 then begin
            let terms, _, times = integral (form target) { Core.fnum = Z.zero; fexp = Z.zero } in
            let with_block = if b < 0 then nothing else block rows total b times in
            (Core.Form (terms, with_block) :: steps, { age = total; free = false; strict = false; times } :: rows, total + 1)
          end
          else if b < 0 then (Core.Bounds (target, if b = -2 then None else Lazy.force knots.(target)) :: steps, rows, total)
          else (Core.Bounds_with (target, block rows total b Z.one) :: steps, rows, total) in
        let steps, rows, total = List.fold_left step ([], rows, total) (List.init c.plan_size.(plan) Fun.id) in
        Core.Derive (List.rev steps, build (depth + 1) rows total ors)
    | 3 ->
        let b = c.close_block.(r) in
        let factor = if exact then List.fold_left (fun f (row : row) -> Z.lcm f row.times) Z.one rows else Z.one in
        Core.Close (block rows total b factor)
    | _ -> refuse "uncovered" "leaves on points are not checked yet" in
  let proof = build 1 root_rows root_total (choices query.unsafe) in
  if !position <> Array.length c.tree then refuse "tree" "records behind the tree's end";
  proof
