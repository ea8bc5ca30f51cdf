(** The checker: what runs. A point x is looked at as X = 2^q x, in integers and linear forms with integer
    coefficients; a form's value is 2^(2 q) times the real one. Sound.v proves that for every q. *)
From Coq Require Import ZArith QArith List Bool.
From Flocq Require Import Core Operations.
From Kernel Require Import Statement Forms Lines Kinds Packed.
Import ListNotations.
Open Scope Z_scope.

(** The matrix of one term of an affine node, times 2^w: its rows, and the same packed where that pays.
    [source_at d] is the node d before the previous one. *)
Record packing := Packing { bits : Z; most : Z; middle : Z; packed : list Z }.
Record matrix := Matrix { source_at : nat; columns : nat; rows_of : list (list Z);
  packed_as : option packing }.
(** The kinds that are checked; [compile] refuses the others. *)
Inductive cnode :=
| CInput
| CAffine (w : Z) (terms : list matrix) (bias : list Z)       (* bias times 2^(q + w) *)
| CUnary (d : nat) (fs : list unary)
| CProduct (m d e : nat).
(** [wh]: which values are known to be integers. *)
Record layer := Layer { cn : cnode; wh : list bool; bx : list interval; ln : list line; pl : list plane }.

(** sum + rc <= 0 *)
Record row := Row { rt : list (nat * nat * Z); rc : Z; strict : bool }.

(** Multipliers of rows (the newest first) and of ends of values; hints for lines, the last node first. *)
Record block := Block { of_rows : list Z; of_ends : list (nat * nat * Z); hints : list (list hint) }.
Inductive step :=
| Bounds (k : nat) (knots : option (list Z))    (* all values of a node but those that no knot is inside of *)
| Bounds_with (k : nat) (b : block)
| Form (t : list (nat * nat * Z)) (b : block).
Inductive proof :=
| Split (t : list (nat * nat * Z)) (c : Z) (one two : proof)   (* c times 2^q *)
| Choose (k : nat) (one two : proof)   (* the first alternative; the others *)
| Derive (steps : list step) (next : proof)
| Close (b : block).

Section Scale.
Variable q : Z.   (* bits behind the point *)
Variable sharp : bool.   (* rows are not packed: what is rounded away costs nothing where it is 0 *)

Definition source_box (d : nat) (rest : list layer) : list interval :=
  match nth_error rest d with Some L => bx L | None => [] end.

Definition source_wh (d : nat) (rest : list layer) : list bool :=
  match nth_error rest d with Some L => wh L | None => [] end.

(** From coefficients A, T at 2^w times the scale to coefficients on the source, rounded down, with what
    that loses at most on the source's box. *)
Definition settle (w : Z) (form : list Z * Z) (d : nat) (rest : list layer)
  (ps : list (list Z)) (C : Z) : option (list (list Z) * Z) :=
  match shrink w (fst form) (source_box d rest) with
  | Some (r, s) => Some (add_at d r ps, C + Z.shiftr (snd form) w + s)
  | None => None
  end.

(** a times the matrix, rounded down by w bits; and what that loses. *)
Definition pull_plain (w : Z) (a : list Z) (m : matrix) (b : list interval) : option (list Z * Z) :=
  match comb a (rows_of m) with Some A => shrink w A b | None => None end.
Definition pull (w : Z) (a : list Z) (m : matrix) (b : list interval) : option (list Z * Z) :=
  if sharp then pull_plain w a m b else
  match packed_as m with
  | Some p =>
      match pcomb a (packed p) 0 0, slack (columns m) b with
      | Some (z, total), Some s =>
          if total * most p <? half (bits p)
          then Some (digits (bits p) w (columns m) w (z + middle p), s)
          else pull_plain w a m b
      | _, _ => pull_plain w a m b
      end
  | None => pull_plain w a m b
  end.
Fixpoint pull_terms (w : Z) (a : list Z) (terms : list matrix) (rest : list layer)
  (ps : list (list Z)) (C : Z) : option (list (list Z) * Z) :=
  match terms with
  | [] => Some (ps, C)
  | m :: terms' =>
      match pull w a m (source_box (source_at m) rest) with
      | Some (r, s) => pull_terms w a terms' rest (add_at (source_at m) r ps) (C + s)
      | None => None
      end
  end.

(** LB of  sum parts + C  over the context. *)
Fixpoint elim (ctx : list layer) (parts : list (list Z)) (C : Z) : option Z :=
  match ctx, parts with
  | [], _ => Some C
  | L :: rest, a :: ps =>
      match a with
      | [] => elim rest ps C
      | _ =>
          match cn L with
          | CInput => match box_min a (bx L) with Some m => elim rest ps (C + m) | None => None end
          | CAffine w terms bias =>
              match dotz a bias with
              | Some t =>
                  match pull_terms w a terms rest ps (C + Z.shiftr t w) with
                  | Some (ps', C') => elim rest ps' C'
                  | None => None
                  end
              | None => None
              end
          | CUnary d _ =>
              match relax a (ln L) with
              | Some f => match settle q f d rest ps C with
                          | Some (ps', C') => elim rest ps' C' | None => None end
              | None => None
              end
          | CProduct _ d e =>
              match relax2 a (pl L) with
              | Some (A, B, T) =>
                  match settle q (A, T) d rest ps C with
                  | Some (ps', C') =>
                      match settle q (B, 0) e rest ps' C' with
                      | Some (ps2, C2) => elim rest ps2 C2
                      | None => None
                      end
                  | None => None
                  end
              | None => None
              end
          end
      end
  | _, [] => None
  end.

Fixpoint make_lines (fs : list unary) (b : list interval) (hs : list hint) : list line :=
  match fs, b with
  | f :: fs', i :: b' =>
      let (h, hs') := match hs with [] => (plain, []) | h :: t => (h, t) end in
      unary_line q f i h :: make_lines fs' b' hs'
  | _, _ => []
  end.
(** A layer with its lines made anew from its sources' intervals. *)
Definition with_lines (hs : list hint) (L : layer) (rest : list layer) : layer :=
  match cn L with
  | CUnary d fs => Layer (cn L) (wh L) (bx L) (make_lines fs (source_box d rest) hs) []
  | CProduct m d e =>
      Layer (cn L) (wh L) (bx L) [] (make_planes (firstn m (source_box d rest)) (source_box e rest) hs)
  | _ => L
  end.
(** The lines that a block proposes, the last node first; where it says nothing, those that are there. *)
Fixpoint recode (ctx : list layer) (hs : list (list hint)) : list layer :=
  match ctx, hs with
  | L :: rest, h :: hs' =>
      (match h with [] => L | _ => with_lines h L rest end) :: recode rest hs'
  | _, _ => ctx
  end.
Definition reline (d : nat) (L : layer) (rest : list layer) : layer :=
  match cn L with
  | CUnary d' _ => if Nat.eqb d d' then with_lines [] L rest else L
  | CProduct _ d' e => if Nat.eqb d d' || Nat.eqb d e then with_lines [] L rest else L
  | _ => L
  end.

(** New intervals for one node; lines that depend on them are made anew. *)
Fixpoint update (g : layer -> list layer -> list interval) (d : nat) (ctx : list layer)
  : list layer :=
  match ctx, d with
  | [], _ => []
  | L :: rest, O => Layer (cn L) (wh L) (g L rest) (ln L) (pl L) :: rest
  | L :: rest, S d' => let rest' := update g d' rest in reline d' L rest' :: rest'
  end.

Definition bound (L : layer) (rest : list layer) (i : nat) (z : Z) : option Z :=
  match elim (L :: rest) (unit i (Z.shiftl z q) :: repeat [] (length rest)) 0 with
  | Some b => Some (Z.shiftr b q)
  | None => None
  end.
(** Whether no knot is inside: then no line gets better. *)
Definition settled (knots : option (list Z)) (l u : Z) : bool :=
  match knots with Some ks => forallb (fun k => (k <=? l) || (u <=? k)) ks | None => false end.
Fixpoint tighten_from (knots : option (list Z)) (L : layer) (rest : list layer) (i : nat) (b : list interval)
  : list interval :=
  match b with
  | [] => []
  | (l, u) :: b' =>
      if settled knots l u then (l, u) :: tighten_from knots L rest (S i) b' else
      (match bound L rest i 1 with Some l' => Z.max l l' | None => l end,
       match bound L rest i (-1) with Some u' => Z.min u (- u') | None => u end)
      :: tighten_from knots L rest (S i) b'
  end.
Definition tighten (knots : option (list Z)) (L : layer) (rest : list layer) :=
  tighten_from knots L rest 0 (bx L).

Fixpoint cut_nth (i : nat) (z c : Z) (b : list interval) : list interval :=   (* z X + c <= 0 *)
  match b, i with
  | [], _ => []
  | (l, u) :: b', O =>
      (if 0 <? z then (l, Z.min u (- (c / z))) else if z <? 0 then (Z.max l (c / - z), u)
       else (l, u)) :: b'
  | p :: b', S j => p :: cut_nth j z c b'
  end.
(** Ends of integers, rounded inwards. *)
Fixpoint snap (ws : list bool) (b : list interval) : list interval :=
  match b, ws with
  | (l, u) :: b', w :: ws' =>
      (if w then (- Z.shiftl (Z.shiftr (- l) q) q, Z.shiftl (Z.shiftr u q) q) else (l, u)) :: snap ws' b'
  | _, _ => b
  end.
Definition whole_form (ctx : list layer) (t : list (nat * nat * Z)) : bool :=
  let n := length ctx in
  forallb (fun e : nat * nat * Z => let (k, i) := fst e in
    (k <? n)%nat && nth i (source_wh (n - 1 - k) ctx) false) t.
Definition cut (ctx : list layer) (r : row) : list layer :=
  match rt r with
  | [(k, i, z)] =>
      if (k <? length ctx)%nat then
        update (fun L _ => snap (wh L) (cut_nth i z (rc r) (bx L))) (length ctx - 1 - k) ctx
      else ctx
  | _ => ctx
  end.

Fixpoint add_row (n : nat) (m : Z) (t : list (nat * nat * Z)) (parts : list (list Z))
  : option (list (list Z)) :=
  match t with
  | [] => Some parts
  | (k, i, z) :: t' =>
      if (k <? n)%nat then add_row n m t' (add_at (n - 1 - k) (unit i (m * z)) parts) else None
  end.
Fixpoint add_rows (n : nat) (ms : list Z) (rows : list row) (parts : list (list Z)) (C : Z) (s : bool)
  : option (list (list Z) * Z * bool) :=
  match ms, rows with
  | [], _ => Some (parts, C, s)
  | m :: ms', r :: rows' =>
      if m <? 0 then None else
      match add_row n m (rt r) parts with
      | Some parts' =>
          add_rows n ms' rows' parts' (C + m * rc r) (s || (strict r && (0 <? m)))
      | None => None
      end
  | _, [] => None
  end.
(** m (l - v) for m > 0 and |m| (v - u) for m < 0, which are not above 0. *)
Fixpoint add_ends (n : nat) (ctx : list layer) (ms : list (nat * nat * Z)) (parts : list (list Z)) (C : Z)
  : option (list (list Z) * Z) :=
  match ms with
  | [] => Some (parts, C)
  | (k, i, m) :: ms' =>
      if (k <? n)%nat then
        match nth_error (source_box (n - 1 - k) ctx) i with
        | Some (l, u) =>
            add_ends n ctx ms' (add_at (n - 1 - k) (unit i (- m)) parts)
              (C + m * (if 0 <=? m then l else u))
        | None => None
        end
      else None
  end.
(** LB of  sum parts + C  with a block; whether a strict row has weight in it. *)
Definition lower (ctx : list layer) (rows : list row) (b : block) (parts : list (list Z)) (C : Z)
  : option (Z * bool) :=
  match add_rows (length ctx) (of_rows b) rows parts C false with
  | Some (parts', C', s) =>
      match add_ends (length ctx) ctx (of_ends b) parts' C' with
      | Some (parts2, C2) =>
          match elim (recode ctx (hints b)) parts2 C2 with Some z => Some (z, s) | None => None end
      | None => None
      end
  | None => None
  end.
Definition close (ctx : list layer) (rows : list row) (b : block) : bool :=
  match lower ctx rows b (repeat [] (length ctx)) 0 with
  | Some (z, s) => (0 <? z) || ((0 =? z) && s)
  | None => false
  end.

(** The least value of a form, in its own scale. *)
Definition least (ctx : list layer) (rows : list row) (b : block) (t : list (nat * nat * Z)) : option Z :=
  match add_row (length ctx) (Z.shiftl 1 q) t (repeat [] (length ctx)) with
  | Some parts => match lower ctx rows b parts 0 with Some (z, _) => Some (Z.shiftr z q) | None => None end
  | None => None
  end.
Fixpoint sharpen (ctx : list layer) (rows : list row) (b : block) (k i : nat) (box : list interval)
  : list interval :=
  match box with
  | [] => []
  | (l, u) :: box' =>
      (match least ctx rows b [((k, i), 1)] with Some l' => Z.max l l' | None => l end,
       match least ctx rows b [((k, i), -1)] with Some u' => Z.min u (- u') | None => u end)
      :: sharpen ctx rows b k (S i) box'
  end.
Definition negated (t : list (nat * nat * Z)) : list (nat * nat * Z) := map (fun e => (fst e, - snd e)) t.
Definition follow (c : list layer * list row) (s : step) : list layer * list row :=
  let (ctx, rows) := c in
  let n := length ctx in
  match s with
  | Bounds k knots => (update (tighten knots) (n - 1 - k) ctx, rows)
  | Bounds_with k b =>
      if (k <? n)%nat then
        let box := sharpen ctx rows b k 0 (source_box (n - 1 - k) ctx) in
        (update (fun _ _ => box) (n - 1 - k) ctx, rows)
      else c
  | Form t b =>
      let r := match least ctx rows b t with
               | Some z => Row (negated t) z false | None => Row [] 0 false end in
      (cut ctx r, r :: rows)
  end.

Definition is_empty (ctx : list layer) : bool :=
  existsb (fun L => existsb (fun i => snd i <? fst i) (bx L)) ctx.

(** Atoms times the product of their denominators; an equation is two rows. *)
Fixpoint denominator (t : list (Q * (nat * nat))) (d : positive) : positive :=
  match t with [] => d | (c, _) :: t' => denominator t' (d * Qden c) end.
Definition times (d : positive) (c : Q) : Z := Qnum c * (Zpos d / Zpos (Qden c)).
Definition atom_row (a : atom) : list row :=
  let d := denominator (summands a) (Qden (plus a)) in
  if forallb (fun c => Z.eqb (Zpos d mod Zpos (Qden c)) 0) (plus a :: map fst (summands a)) then
    let t := map (fun e => (snd e, times d (fst e))) (summands a) in
    let c := Z.shiftl (times d (plus a)) q in
    match is a with
    | AtMost => [Row t c false]
    | Less => [Row t c true]
    | Equal => [Row t c false; Row (negated t) (- c) false]
    end
  else [].
Fixpoint conjuncts (f : formula) : list row :=
  match f with Is a => atom_row a | And l => flat_map conjuncts l | Or _ => [] end.
Fixpoint disjuncts (f : formula) : list (list formula) :=
  match f with Is _ => [] | And l => flat_map disjuncts l | Or l => [l] end.
Definition take (k : nat) {A} (l : list A) : list A := firstn k l ++ skipn (S k) l.
Definition put (k : nat) {A} (y : A) (l : list A) : list A := firstn k l ++ y :: skipn (S k) l.
Definition impossible (ors : list (list formula)) : bool :=
  existsb (fun l => match l with [] => true | _ => false end) ors.

Fixpoint check (p : proof) (ctx : list layer) (rows : list row) (ors : list (list formula)) : bool :=
  is_empty ctx || impossible ors ||
  match p with
  | Split t c one two =>
      let whole := whole_form ctx t in
      let c1 := if whole then Z.shiftl (Z.shiftr c q) q else c in
      let r1 := Row t (- c1) false in
      let r2 := if whole then Row (negated t) (c1 + Z.shiftl 1 q) false else Row (negated t) c true in
      check one (cut ctx r1) (r1 :: rows) ors && check two (cut ctx r2) (r2 :: rows) ors
  | Choose k one two =>
      match nth_error ors k with
      | Some (g :: l) =>
          let new := conjuncts g in
          check one (fold_left cut new ctx) (rev new ++ rows) (take k ors ++ disjuncts g)
          && check two ctx rows (put k l ors)
      | _ => false
      end
  | Derive steps next =>
      let (ctx', rows') := fold_left follow steps (ctx, rows) in check next ctx' rows' ors
  | Close b => close ctx rows b
  end.

(** From a network and a query to the root's context. *)
Definition qfloor (r : Q) : Z := Z.shiftl (Qnum r) q / Zpos (Qden r).
Definition root_box (l : list (Q * Q)) : list interval :=
  map (fun b => (qfloor (fst b), - qfloor (- snd b))%Z) l.

Definition exact (w : Z) (a : dyadic) : bool := 0 <=? Fexp a + w.
Definition row_of (w : Z) (t : term) (i : nat) : list Z :=
  map (fun j => dfloor w (entry (operation t) i j)) (seq 0 (inputs t)).
Definition row_exact (w : Z) (t : term) (i : nat) : bool :=
  forallb (fun j => exact w (entry (operation t) i j)) (seq 0 (inputs t)).
(** Enough bits behind the point for every number of the node. *)
Definition numbers (op : operator) : array :=
  match op with Dense _ _ w => w | Gather _ scale => scale | Conv c => weight c end.
Definition fineness (terms : list term) (bias : array) : Z :=
  fold_left (fun w d => Z.max w (- Fexp d)) (flat_map (fun t => numbers (operation t)) terms ++ bias) 0.
Definition largest (rows : list (list Z)) : Z :=
  fold_left (fun m r => fold_left (fun m z => Z.max m (Z.abs z)) r m) rows 0.
Definition make_packing (w : Z) (n : nat) (rows : list (list Z)) : option packing :=
  let M := largest rows in
  let slot := Z.log2 M + q + Z.log2 (Z.of_nat n) + 16 in
  if forallb (fun r => Nat.eqb (length r) n && forallb (fun z => Z.abs z <=? M) r) rows
     && (w <? slot) && (0 <=? M)
  then Some (Packing slot M (halves slot n) (map (pack slot) rows)) else None.
Definition make_matrix (w : Z) (k sz : nat) (t : term) : option matrix :=
  if (source t <? k)%nat && forallb (row_exact w t) (seq 0 sz) then
    let rows := map (row_of w t) (seq 0 sz) in
    Some (Matrix (k - 1 - source t) (inputs t) rows (make_packing w (inputs t) rows))
  else None.
Fixpoint make_matrices (w : Z) (k sz : nat) (terms : list term) : option (list matrix) :=
  match terms with
  | [] => Some []
  | t :: terms' =>
      match make_matrix w k sz t, make_matrices w k sz terms' with
      | Some m, Some l => Some (m :: l)
      | _, _ => None
      end
  end.

(** The forward pass. *)
Fixpoint rows_box (rows : list (list Z)) (b : list interval) : option (list interval) :=
  match rows with
  | [] => Some []
  | r :: rows' =>
      match box_min r b, box_min (map Z.opp r) b, rows_box rows' b with
      | Some l, Some u, Some rest => Some ((l, - u) :: rest)
      | _, _, _ => None
      end
  end.
Fixpoint add_box (a b : list interval) : list interval :=
  match a, b with
  | (l, u) :: a', (l', u') :: b' => (l + l', u + u') :: add_box a' b'
  | _, _ => []
  end.
Fixpoint terms_box (terms : list matrix) (rest : list layer) (b : list interval)
  : option (list interval) :=
  match terms with
  | [] => Some b
  | m :: terms' =>
      match rows_box (rows_of m) (source_box (source_at m) rest) with
      | Some v => terms_box terms' rest (add_box v b)
      | None => None
      end
  end.
Definition shift_box (w : Z) (b : list interval) : list interval :=
  map (fun i => (Z.shiftr (fst i) w, - Z.shiftr (- snd i) w)) b.
Definition flat : hint := Hint 255 [Some 0; Some 0; Some 0; Some 0].
Fixpoint unary_box (fs : list unary) (b : list interval) : list interval :=
  match fs, b with
  | f :: fs', i :: b' =>
      let n := unary_line q f i flat in
      (Z.shiftr (lt n) q, - Z.shiftr (- ut n) q) :: unary_box fs' b'
  | _, _ => []
  end.
Fixpoint product_box (b c : list interval) : list interval :=
  match b, c with
  | i :: b', j :: c' =>
      let p := make_plane i j flat in
      (Z.shiftr (pc p) q, - Z.shiftr (- qc p) q) :: product_box b' c'
  | _, _ => []
  end.

(** Which values are integers. *)
Definition input_wh (qry : query) (k m : nat) : list bool :=
  map (fun i => existsb (fun p => Nat.eqb (fst p) k && Nat.eqb (snd p) i) (integers qry)) (seq 0 m).
Fixpoint whole_dot (r : list Z) (ws : list bool) : bool :=
  match r with [] => true | z :: r' => ((z =? 0) || hd false ws) && whole_dot r' (tl ws) end.
Definition affine_wh (w : Z) (ms : list matrix) (sz : nat) (ctx : list layer) : list bool :=
  if w =? 0 then
    map (fun i => forallb (fun m => match nth_error (rows_of m) i with
      | Some r => whole_dot r (source_wh (source_at m) ctx) | None => false end) ms) (seq 0 sz)
  else [].
Definition whole (d : dyadic) : bool := 0 <=? Fexp d.
Definition whole_unary (f : unary) (w : bool) : bool :=
  match f with
  | Pieces g => w && whole (left g) && whole (knot g) && whole (anchor g) && whole (right g)
      && forallb (fun e => whole (fst e) && whole (snd e)) (more g)
  | Squared => w
  | Signed => true
  end.
Fixpoint unary_wh (fs : list unary) (ws : list bool) : list bool :=
  match fs with [] => [] | f :: fs' => whole_unary f (hd false ws) :: unary_wh fs' (tl ws) end.

Definition make_unary (s k : nat) (fs : list unary) (ctx : list layer) : option layer :=
  if (s <? k)%nat then
    let b := source_box (k - 1 - s) ctx in
    Some (Layer (CUnary (k - 1 - s) fs) (unary_wh fs (source_wh (k - 1 - s) ctx)) (unary_box fs b)
      (make_lines fs b []) [])
  else None.
Definition compile (qry : query) (n : node) (ctx : list layer) : option layer :=
  let k := length ctx in
  match n with
  | Input m =>
      match find (fun p => Nat.eqb (fst p) k) (box qry) with
      | Some p =>
          let ws := input_wh qry k m in Some (Layer CInput ws (snap ws (root_box (snd p))) [] [])
      | None => None
      end
  | Affine sz terms bias None None =>
      let w := fineness terms bias in
      if (0 <=? w) && forallb (exact w) bias then
        match make_matrices w k sz terms with
        | Some ms =>
            let b := map (fun i => Z.shiftl (dfloor w (get bias i)) q) (seq 0 sz) in
            match terms_box ms ctx (map (fun z => (z, z)) b) with
            | Some v => Some (Layer (CAffine w ms b) (affine_wh w ms sz ctx) (shift_box w v) [] [])
            | None => None
            end
        | None => None
        end
      else None
  | Piecewise s fs => make_unary s k (map Pieces fs) ctx
  | Square m s => make_unary s k (repeat Squared m) ctx
  | Sign m s => make_unary s k (repeat Signed m) ctx
  | Product m l r =>
      if (l <? k)%nat && (r <? k)%nat then
        let b := firstn m (source_box (k - 1 - l) ctx) in let c := source_box (k - 1 - r) ctx in
        Some (Layer (CProduct m (k - 1 - l) (k - 1 - r)) [] (product_box b c) [] (make_planes b c []))
      else None
  | _ => None
  end.
Fixpoint compile_all (qry : query) (net : network) (ctx : list layer) : option (list layer) :=
  match net with
  | [] => Some ctx
  | n :: net' =>
      match compile qry n ctx with
      | Some L => compile_all qry net' (L :: ctx)
      | None => None
      end
  end.

Definition root_rows (qry : query) : list row :=
  flat_map atom_row (domain qry) ++ conjuncts (unsafe qry).

Definition check_all (net : network) (qry : query) (p : proof) : bool :=
  (0 <=? q) && well_formed net &&
  match compile_all qry net [] with
  | Some ctx =>
      let rows := root_rows qry in
      check p (fold_left cut rows ctx) rows (disjuncts (unsafe qry))
  | None => false
  end.
End Scale.
