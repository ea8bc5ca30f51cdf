(* A zlib stream (RFC 1950, 1951) to the bytes it holds. Not believed: whatever comes out is checked. *)
exception Bad of string

let bases first extra = (* the first value of every code, where extra says how many bits follow *)
  let next = ref first in
  Array.map (fun e -> let b = !next in next := b + (1 lsl e); b) extra

let length_extra = Array.init 29 (fun i -> if i < 8 || i = 28 then 0 else (i - 4) / 4)
let lengths = let b = bases 3 length_extra in b.(28) <- 258; b
let distance_extra = Array.init 30 (fun i -> if i < 4 then 0 else (i - 2) / 2)
let distances = bases 1 distance_extra
let order = [| 16; 17; 18; 0; 8; 7; 9; 6; 10; 5; 11; 4; 12; 3; 13; 2; 14; 1; 15 |]

(* Codes by length: how many there are of each, and the symbols in their order. *)
let table sizes =
  let count = Array.make 16 0 in
  Array.iter (fun n -> if n > 0 then count.(n) <- count.(n) + 1) sizes;
  let symbols = List.init (Array.length sizes) Fun.id |> List.filter (fun s -> sizes.(s) > 0) in
  let left = ref 1 in
  for n = 1 to 15 do left := (2 * !left) - count.(n); if !left < 0 then raise (Bad "too many codes") done;
  (count, Array.of_list (List.stable_sort (fun a b -> compare sizes.(a) sizes.(b)) symbols))

let zlib (data : string) (start : int) (size : int) : string =
  let at = ref start and bit = ref 0 in
  let out = Buffer.create (min size 65536) in
  let byte () = if !at < String.length data then Char.code data.[!at] else raise (Bad "ends early") in
  let one () =
    let b = (byte () lsr !bit) land 1 in
    if !bit = 7 then (bit := 0; incr at) else incr bit;
    b in
  let bits n = let v = ref 0 in for i = 0 to n - 1 do v := !v lor (one () lsl i) done; !v in
  let symbol (count, symbols) =
    let rec go n code first index =
      if n > 15 then raise (Bad "an unknown code") else
      let code = code lor one () in
      if code - first < count.(n) then symbols.(index + code - first)
      else go (n + 1) (2 * code) (2 * (first + count.(n))) (index + count.(n)) in
    go 1 0 0 0 in
  let room n = if Buffer.length out + n > size then raise (Bad "more bytes than it says") in
  let codes literal distance =
    let rec go () =
      let s = symbol literal in
      if s < 256 then (room 1; Buffer.add_char out (Char.chr s); go ())
      else if s > 285 then raise (Bad "a bad length")
      else if s > 256 then begin
        let n = lengths.(s - 257) + bits length_extra.(s - 257) in
        let d = symbol distance in
        if d > 29 then raise (Bad "a bad distance");
        let d = distances.(d) + bits distance_extra.(d) in
        if d > Buffer.length out then raise (Bad "a distance before the start");
        room n;
        for _ = 1 to n do Buffer.add_char out (Buffer.nth out (Buffer.length out - d)) done;
        go ()
      end in
    go () in
  let dynamic () =
    let literals = bits 5 + 257 in
    let total = literals + bits 5 + 1 in
    let sizes = Array.make 19 0 in
    for i = 0 to bits 4 + 3 do sizes.(order.(i)) <- bits 3 done;
    let by_length = table sizes and sizes = Array.make total 0 and n = ref 0 in
    while !n < total do
      let s = symbol by_length in
      let value, times =
        if s < 16 then (s, 1)
        else if s = 16 then ((if !n = 0 then raise (Bad "nothing to repeat") else sizes.(!n - 1)), bits 2 + 3)
        else (0, if s = 17 then bits 3 + 3 else bits 7 + 11) in
      if !n + times > total then raise (Bad "too many lengths");
      Array.fill sizes !n times value;
      n := !n + times
    done;
    codes (table (Array.sub sizes 0 literals)) (table (Array.sub sizes literals (total - literals))) in
  let stored () =
    if !bit > 0 then (bit := 0; incr at);
    let n = bits 16 in
    if n lxor bits 16 <> 0xFFFF then raise (Bad "a bad length");
    room n;
    for _ = 1 to n do Buffer.add_char out (Char.chr (bits 8)) done in
  let fixed = lazy (table (Array.init 288 (fun i -> if i < 144 then 8 else if i < 256 then 9 else if i < 280 then 7 else 8))) in
  let head = bits 8 in
  if head land 15 <> 8 || head lsr 4 > 7 || ((256 * head) + bits 8) mod 31 <> 0
     || Char.code data.[start + 1] land 32 > 0
  then raise (Bad "no zlib stream");
  let rec blocks () =
    let last = one () in
    (match bits 2 with
     | 0 -> stored ()
     | 1 -> codes (Lazy.force fixed) (table (Array.make 30 5))
     | 2 -> dynamic ()
     | _ -> raise (Bad "an unknown block"));
    if last = 0 then blocks () in
  blocks ();
  if !bit > 0 then (bit := 0; incr at);
  let text = Buffer.contents out in
  let a = ref 1 and b = ref 0 in
  String.iter (fun c -> a := (!a + Char.code c) mod 65521; b := (!b + !a) mod 65521) text;
  let sum = List.fold_left (fun v _ -> (256 * v) + bits 8) 0 [ 1; 2; 3; 4 ] in
  if sum <> (65536 * !b) + !a then raise (Bad "a wrong check sum");
  if !at <> String.length data || String.length text <> size then raise (Bad "another size, or more follows");
  text
