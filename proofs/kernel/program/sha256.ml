(* SHA-256 (FIPS 180-4) of a string, in hexadecimal. Believed. *)
let primes =
  let rec from n found =
    if List.length found = 64 then List.rev found
    else from (n + 1) (if List.exists (fun p -> n mod p = 0) found then found else n :: found) in
  from 2 []

(* The first 32 bits behind the point of the r-th root of n. *)
let root r n = Z.to_int (Z.extract (Z.root (Z.shift_left (Z.of_int n) (32 * r)) r) 0 32)
let constants = Array.of_list (List.map (root 3) primes)
let mask = 0xFFFFFFFF
let turn x n = ((x lsr n) lor (x lsl (32 - n))) land mask

let hex (s : string) : string =
  let n = String.length s in
  let padded = Bytes.make ((n + 72) / 64 * 64) '\000' in
  Bytes.blit_string s 0 padded 0 n;
  Bytes.set padded n '\128';
  Bytes.set_int64_be padded (Bytes.length padded - 8) (Int64.of_int (8 * n));
  let h = Array.of_list (List.map (root 2) (List.filteri (fun i _ -> i < 8) primes)) in
  let w = Array.make 64 0 in
  for block = 0 to (Bytes.length padded / 64) - 1 do
    for t = 0 to 63 do
      w.(t) <-
        (if t < 16 then Int32.to_int (Bytes.get_int32_be padded ((64 * block) + (4 * t))) land mask
         else
           let a = w.(t - 15) and b = w.(t - 2) in
           let a = turn a 7 lxor turn a 18 lxor (a lsr 3) and b = turn b 17 lxor turn b 19 lxor (b lsr 10) in
           (w.(t - 16) + a + w.(t - 7) + b) land mask)
    done;
    let v = Array.copy h in
    for t = 0 to 63 do
      let a = v.(0) and e = v.(4) in
      let one =
        v.(7) + (turn e 6 lxor turn e 11 lxor turn e 25) + (e land v.(5) lxor (lnot e land v.(6)))
        + constants.(t) + w.(t) in
      let two =
        (turn a 2 lxor turn a 13 lxor turn a 22) + (a land v.(1) lxor (a land v.(2)) lxor (v.(1) land v.(2))) in
      Array.blit v 0 v 1 7;
      v.(4) <- (v.(4) + one) land mask;
      v.(0) <- (one + two) land mask
    done;
    Array.iteri (fun i x -> h.(i) <- (h.(i) + x) land mask) v
  done;
  String.concat "" (Array.to_list (Array.map (Printf.sprintf "%08x") h))
