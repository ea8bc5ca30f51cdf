(* JSON in which numbers are integers and no key occurs twice. Believed. *)
type t = Null | Bool of bool | Int of Z.t | Text of string | List of t list | Object of (string * t) list

exception Bad of string

let bad fmt = Printf.ksprintf (fun s -> raise (Bad s)) fmt

let parse (s : string) : t =
  let at = ref 0 in
  let fail what = bad "not JSON: %s at byte %d" what !at in
  let peek () = if !at < String.length s then s.[!at] else '\000' in
  let rec space () = match peek () with ' ' | '\n' | '\r' | '\t' -> incr at; space () | _ -> () in
  let expect c = if peek () = c && !at < String.length s then incr at else fail (Printf.sprintf "want %C" c) in
  let word w v =
    if !at + String.length w <= String.length s && String.sub s !at (String.length w) = w
    then (at := !at + String.length w; v) else fail "a word" in
  let hex () =
    if !at + 4 > String.length s then fail "an escape";
    let h = String.sub s !at 4 in
    String.iter (function '0' .. '9' | 'a' .. 'f' | 'A' .. 'F' -> () | _ -> fail "an escape") h;
    at := !at + 4;
    int_of_string ("0x" ^ h) in
  let text () =
    expect '"';
    let out = Buffer.create 16 in
    let rec go () =
      if !at >= String.length s then fail "a text without end";
      let c = s.[!at] in
      incr at;
      if c = '"' then Buffer.contents out
      else if c < ' ' then fail "a control character"
      else if c <> '\\' then (Buffer.add_char out c; go ())
      else begin
        let e = peek () in
        incr at;
        (match e with
         | '"' | '\\' | '/' -> Buffer.add_char out e
         | 'b' -> Buffer.add_char out '\b' | 'f' -> Buffer.add_char out '\012'
         | 'n' -> Buffer.add_char out '\n' | 'r' -> Buffer.add_char out '\r' | 't' -> Buffer.add_char out '\t'
         | 'u' ->
             let u = hex () in
             let u = if u < 0xD800 || u > 0xDFFF then u else begin
               if u > 0xDBFF then fail "half a character";
               expect '\\'; expect 'u';
               let v = hex () in
               if v < 0xDC00 || v > 0xDFFF then fail "half a character";
               0x10000 + ((u - 0xD800) lsl 10) + (v - 0xDC00) end in
             Buffer.add_utf_8_uchar out (Uchar.of_int u)
         | _ -> fail "an escape");
        go ()
      end in
    go () in
  let integer () =
    let start = !at in
    if peek () = '-' then incr at;
    let first = !at in
    while (match peek () with '0' .. '9' -> true | _ -> false) do incr at done;
    let digits = !at - first in
    if digits = 0 || (digits > 1 && s.[first] = '0') || digits > 4000 then fail "a number";
    (match peek () with '.' | 'e' | 'E' -> fail "a number that is no integer" | _ -> ());
    Int (Z.of_string (String.sub s start (!at - start))) in
  (* what is between brackets, one after the other *)
  let items close item =
    incr at;
    space ();
    if peek () = close then (incr at; []) else
      let rec go acc =
        let acc = item () :: acc in
        space ();
        if peek () = ',' then (incr at; space (); go acc) else (expect close; List.rev acc) in
      go [] in
  let rec value depth =
    if depth > 500 then fail "nested too deeply";
    space ();
    match peek () with
    | '{' ->
        let seen = Hashtbl.create 8 in
        Object (items '}' (fun () ->
          let key = text () in
          if Hashtbl.mem seen key then bad "JSON key %S twice" key;
          Hashtbl.add seen key ();
          space ();
          expect ':';
          let v = value (depth + 1) in
          (key, v)))
    | '[' -> List (items ']' (fun () -> value (depth + 1)))
    | '"' -> Text (text ())
    | 't' -> word "true" (Bool true) | 'f' -> word "false" (Bool false) | 'n' -> word "null" Null
    | _ -> integer () in
  let v = value 0 in
  space ();
  if !at <> String.length s then fail "something behind the end";
  v

(* The values of an object that has exactly these keys, in their order here. *)
let fields where keys = function
  | Object pairs when List.length pairs = List.length keys && List.for_all (fun k -> List.mem_assoc k pairs) keys ->
      List.map (fun k -> List.assoc k pairs) keys
  | _ -> bad "%s: want an object with the keys %s" where (String.concat ", " keys)

let list where = function List l -> l | _ -> bad "%s: want a list" where
let text where = function Text s -> s | _ -> bad "%s: want a text" where

(* A size or position: what stands for a natural number stays small, so that products of two fit. *)
let limit = 1 lsl 28
let natural where = function
  | Int z when Z.sign z >= 0 && Z.leq z (Z.of_int limit) -> Z.to_int z
  | _ -> bad "%s: want an integer from 0 to 2^28" where
let volume where l =
  List.fold_left (fun v n -> if n > 0 && v > limit / n then bad "%s: more than 2^28 values" where else v * n) 1 l
