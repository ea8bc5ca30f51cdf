(** What is claimed. Whoever believes the theorem has to read this file and no other: networks, queries,
    and [violates]. Numbers and names are those of verifai/kernel/SPEC.md, sections 1 to 3. *)
From Coq Require Import ZArith QArith Qreals Reals List Arith Bool.
From Flocq Require Import Core Operations.
From Coquelicot Require Import Hierarchy RInt.
Import ListNotations.
Open Scope R_scope.

(** * Numbers *)

(** Numbers of a network are dyadic: [Float radix2 m e] stands for m 2^e, and [F2R] is that real number. *)
Definition dyadic := float radix2.
Definition zero : dyadic := Float radix2 0 0.
Definition array := list dyadic.
(** Entry i of an array; what is not there is 0. *)
Definition get (a : array) (i : nat) : dyadic := nth i a zero.

(** The values of all nodes: [x k i] is value i of node k. *)
Definition state := nat -> nat -> R.

(** f 0 + ... + f (n - 1) *)
Fixpoint sum (n : nat) (f : nat -> R) : R :=
  match n with O => 0 | S m => sum m f + f m end.

(** * Operators: each is the matrix that it stands for *)

(** Shapes are row-major: the position of value i, and the number of the value at a position. *)
Definition volume (shape : list nat) : nat := fold_right Nat.mul 1%nat shape.
Fixpoint unravel (shape : list nat) (i : nat) : list nat :=
  match shape with
  | [] => []
  | _ :: rest => (i / volume rest)%nat :: unravel rest (i mod volume rest)
  end.
Fixpoint ravel (shape position : list nat) : nat :=
  match shape, position with
  | _ :: rest, p :: position' => (p * volume rest + ravel rest position')%nat
  | _, _ => 0%nat
  end.

(** Cross-correlation with zero padding as in ONNX. [in_shape] is channels and lengths, [out_shape] too;
    [weight] has the shape (outputs, channels / groups, kernel). [before] is the padding at the start of
    every axis; at its end there are as many zeros as the output's length asks for. *)
Record convolution := Convolution { in_shape : list nat; out_shape : list nat; kernel : list nat;
  groups : nat; before : list nat; stride : list nat; dilation : list nat; weight : array }.

(** The place t in the kernel with x + before = o stride + t dilation on every axis, if there is one. *)
Fixpoint place (kernel before stride dilation o x : list nat) : option (list nat) :=
  match kernel, before, stride, dilation, o, x with
  | n :: kernel', b :: before', s :: stride', d :: dilation', o1 :: o', x1 :: x' =>
      let t := ((x1 + b - o1 * s) / d)%nat in
      if ((x1 + b =? o1 * s + t * d) && (t <? n))%nat then
        match place kernel' before' stride' dilation' o' x' with
        | Some rest => Some (t :: rest)
        | None => None
        end
      else None
  | _, _, _, _, _, _ => Some []
  end.
Definition convolution_entry (c : convolution) (i j : nat) : dyadic :=
  match unravel (out_shape c) i, unravel (in_shape c) j, out_shape c, in_shape c with
  | out :: o, channel :: x, outs :: _, channels :: _ =>
      let per := (channels / groups c)%nat in                    (* channels of a group *)
      if (channel / per =? out / (outs / groups c))%nat then     (* the same group *)
        match place (kernel c) (before c) (stride c) (dilation c) o x with
        | Some t =>
            get (weight c) (ravel (outs :: per :: kernel c) (out :: (channel mod per)%nat :: t))
        | None => zero
        end
      else zero
  | _, _, _, _ => zero
  end.

Inductive operator :=
| Dense (m k : nat) (w : array)     (* x is read as rows of k numbers; each becomes m numbers, by w (m, k) *)
| Gather (index : list (option nat)) (scale : array)      (* scale_i x[index_i], and 0 where that is None *)
| Conv (c : convolution).

(** Entry (i, j) of the matrix: how much output i takes of input j. *)
Definition entry (op : operator) (i j : nat) : dyadic :=
  match op with
  | Dense m k w => if (i / m =? j / k)%nat then get w ((i mod m) * k + j mod k) else zero
  | Gather index scale =>
      match nth i index None with
      | Some s => if (s =? j)%nat then get scale i else zero
      | None => zero
      end
  | Conv c => convolution_entry c i j
  end.

(** * Functions of one number *)

(** Continuous and piecewise linear: f(knot) = anchor, slope [left] up to this first knot and [right]
    behind it; [more] has the further knots, each with the slope behind it. *)
Record pwl := Pwl { left : dyadic; knot : dyadic; anchor : dyadic; right : dyadic;
  more : list (dyadic * dyadic) }.
(** The value at y behind the knot k, where the value is h and the slope s. *)
Fixpoint behind (k h s : R) (more : list (dyadic * dyadic)) (y : R) : R :=
  match more with
  | [] => h + s * (y - k)
  | (k', s') :: rest =>
      if Rle_dec y (F2R k') then h + s * (y - k)
      else behind (F2R k') (h + s * (F2R k' - k)) (F2R s') rest y
  end.
Definition pwl_value (f : pwl) (y : R) : R :=
  if Rle_dec y (F2R (knot f)) then F2R (anchor f) + F2R (left f) * (y - F2R (knot f))
  else behind (F2R (knot f)) (F2R (anchor f)) (F2R (right f)) (more f) y.

Definition sign (y : R) : R :=
  if Rlt_dec y 0 then -1 else if Rlt_dec 0 y then 1 else 0.

Inductive smooth := Sigmoid | Tanh | Exp | Log | Reciprocal | Sqrt | Erf | Sin | Cos.
Definition smooth_value (f : smooth) (y : R) : R :=
  match f with
  | Sigmoid => / (1 + exp (- y))
  | Tanh => tanh y
  | Exp => exp y
  | Log => ln y
  | Reciprocal => / y
  | Sqrt => sqrt y
  | Erf => 2 / sqrt PI * RInt (V := R_CompleteNormedModule) (fun t => exp (- t ^ 2)) 0 y
  | Sin => sin y
  | Cos => cos y
  end.
(** Coq's functions have some value everywhere; here is where it means something. *)
Definition defined (f : smooth) (y : R) : Prop :=
  match f with Log => 0 < y | Sqrt => 0 <= y | Reciprocal => y <> 0 | _ => True end.

(** * Networks *)

(** A term of an affine node: an operator on the values of a node before it. *)
Record term := Term { source : nat; inputs : nat; operation : operator }.

Inductive node :=
| Input (size : nat)
| Affine (size : nat) (terms : list term) (bias : array)
    (divisor : option (list positive)) (radius : option array)
| Piecewise (source : nat) (f : list pwl)              (* a function for each value *)
| Sign (size source : nat)
| Square (size source : nat)
| Product (size left right : nat)
| Smooth (size source : nat) (f : smooth).
Definition network := list node.

Definition size (n : node) : nat :=
  match n with
  | Piecewise _ f => length f
  | Input s | Affine s _ _ _ _ | Sign s _ | Square s _ | Product s _ _ | Smooth s _ _ => s
  end.

(** The sum over all terms of row i times the values; [g] is the identity, or [Rabs] for magnitudes. *)
Definition total (g : R -> R) (terms : list term) (x : state) (i : nat) : R :=
  fold_right (fun t rest =>
    sum (inputs t) (fun j => g (F2R (entry (operation t) i j)) * g (x (source t) j)) + rest) 0 terms.

Definition divided (divisor : option (list positive)) (i : nat) : R :=
  match divisor with Some d => IZR (Zpos (nth i d 1%positive)) | None => 1 end.
Definition within (radius : option array) (i : nat) : R :=
  match radius with Some r => F2R (get r i) | None => 0 end.

(** Value i of node k is what node n, standing there, computes from the values before it. An affine node
    with a radius may be off by as much, in whatever way; where the radius is absent this says equality. *)
Definition computes (n : node) (x : state) (k i : nat) : Prop :=
  match n with
  | Input _ => True
  | Affine _ terms bias divisor radius =>
      Rabs (x k i - (total (fun a => a) terms x i + F2R (get bias i)) / divided divisor i)
      <= within radius i * ((total Rabs terms x i + Rabs (F2R (get bias i))) / divided divisor i)
  | Piecewise s f => forall g, nth_error f i = Some g -> x k i = pwl_value g (x s i)
  | Sign _ s => x k i = sign (x s i)
  | Square _ s => x k i = x s i * x s i
  | Product _ s t => x k i = x s i * x t i
  | Smooth _ s f => x k i = smooth_value f (x s i)
  end.

(** All values of all nodes are what the nodes compute. *)
Definition run (net : network) (x : state) : Prop :=
  forall k n, nth_error net k = Some n -> forall i, (i < size n)%nat -> computes n x k i.

(** No logarithm, root or reciprocal is taken where it has no meaning. *)
Definition in_domain (net : network) (x : state) : Prop :=
  forall k m s f, nth_error net k = Some (Smooth m s f) ->
  forall i, (i < m)%nat -> defined f (x s i).

(** Nodes read nodes before them, arrays have the lengths they need, radii are not negative, knots rise.
    [sizes] are those of the nodes before. A network that is not so has no meaning and is refused. *)
Definition operator_fits (op : operator) (inputs outputs : nat) : bool :=
  match op with
  | Dense m k w => ((0 <? m) && (0 <? k) && (inputs mod k =? 0) && (outputs =? inputs / k * m)
      && (length w =? m * k))%nat
  | Gather index scale => ((length index =? outputs) && (length scale =? outputs)
      && forallb (fun s => match s with Some j => j <? inputs | None => true end) index)%nat
  | Conv c =>
      match in_shape c, out_shape c with
      | channels :: lengths, outs :: lengths' =>
          ((volume (in_shape c) =? inputs) && (volume (out_shape c) =? outputs) && (0 <? groups c)
          && (channels mod groups c =? 0) && (outs mod groups c =? 0)
          && (length (weight c) =? outs * (channels / groups c) * volume (kernel c))
          && forallb (fun l => length l =? length lengths)
               [lengths'; kernel c; before c; stride c; dilation c]
          && forallb (fun l => forallb (Nat.ltb 0) l) [kernel c; stride c; dilation c])%nat
      | _, _ => false
      end
  end.
Definition less (a b : dyadic) : bool := (Fnum (Fminus a b) <? 0)%Z.
Fixpoint rising (k : dyadic) (more : list (dyadic * dyadic)) : bool :=
  match more with [] => true | (k', _) :: rest => less k k' && rising k' rest end.
Definition reads (sizes : list nat) (source size : nat) : bool :=
  ((source <? length sizes) && (nth source sizes 0 =? size))%nat.
Definition node_fits (sizes : list nat) (n : node) : bool :=
  match n with
  | Input _ => true
  | Affine m terms bias divisor radius =>
      forallb (fun t => reads sizes (source t) (inputs t) && operator_fits (operation t) (inputs t) m) terms
      && (length bias =? m)%nat
      && match divisor with Some d => (length d =? m)%nat | None => true end
      && match radius with
         | Some r => (length r =? m)%nat && forallb (fun a => 0 <=? Fnum a)%Z r
         | None => true
         end
  | Piecewise s f => reads sizes s (length f) && forallb (fun g => rising (knot g) (more g)) f
  | Sign m s | Square m s | Smooth m s _ => reads sizes s m
  | Product m s t => reads sizes s m && reads sizes t m
  end.
Fixpoint all_fit (sizes : list nat) (net : network) : bool :=
  match net with
  | [] => true
  | n :: rest => node_fits sizes n && all_fit (sizes ++ [size n]) rest
  end.
Definition well_formed (net : network) : bool := all_fit [] net.

(** * Queries *)

(** coefficient, node, index: the sum of coefficient x value, plus a constant, compared with 0. *)
Inductive relation := AtMost | Less | Equal.
Record atom := Atom { summands : list (Q * (nat * nat)); plus : Q; is : relation }.
Inductive formula := Is (a : atom) | And (parts : list formula) | Or (parts : list formula).

Definition linear (a : atom) (x : state) : R :=
  fold_right (fun t rest => Q2R (fst t) * x (fst (snd t)) (snd (snd t)) + rest)
    (Q2R (plus a)) (summands a).
Definition atom_holds (a : atom) (x : state) : Prop :=
  match is a with
  | AtMost => linear a x <= 0
  | Less => linear a x < 0
  | Equal => linear a x = 0
  end.
Fixpoint holds (f : formula) (x : state) : Prop :=
  match f with
  | Is a => atom_holds a x
  | And parts => fold_right (fun g rest => holds g x /\ rest) True parts
  | Or parts => fold_right (fun g rest => holds g x \/ rest) False parts
  end.

(** [box] has the bounds of each input node's values; [integers] are (node, index). *)
Record query := Query { box : list (nat * list (Q * Q)); integers : list (nat * nat);
  domain : list atom; unsafe : formula }.
Definition in_box (b : list (nat * list (Q * Q))) (x : state) : Prop :=
  forall k bounds, In (k, bounds) b ->
  forall i low high, nth_error bounds i = Some (low, high) -> Q2R low <= x k i <= Q2R high.

(** What a certificate excludes: values of all nodes that the network computes, from inputs in the box
    and the domain, at which the unsafe formula holds. *)
Definition violates (net : network) (q : query) (x : state) : Prop :=
  run net x /\
  in_box (box q) x /\
  (forall k i, In (k, i) (integers q) -> exists z, x k i = IZR z) /\
  (forall a, In a (domain q) -> atom_holds a x) /\
  holds (unsafe q) x.
