(** Lines of all kinds of one number, and planes of products, in integers: X stands for 2^q y. *)
From Coq Require Import ZArith Reals List Bool Lia Lra Psatz.
From Flocq Require Import Core.
From Kernel Require Import Statement Forms Lines.
Import ListNotations.
Open Scope R_scope.

Inductive unary := Pieces (f : pwl) | Squared | Signed.
Definition unary_value (f : unary) (y : R) : R :=
  match f with Pieces g => pwl_value g y | Squared => y * y | Signed => sign y end.

(** Squares: the least value of X X - S X, and an upper bound. *)
Definition square_low (S l u : Z) : Z :=
  if (S <=? 2 * l)%Z then (l * l - S * l)%Z
  else if (2 * u <=? S)%Z then (u * u - S * u)%Z else (- (S * S) / 4)%Z.
Definition square_up (S l u : Z) : Z := Z.max (l * l - S * l) (u * u - S * u).
Lemma square_low_ok : forall S l u X, IZR l <= X <= IZR u ->
  IZR S * X + IZR (square_low S l u) <= X * X.
Proof.
  intros S l u X [H1 H2]. unfold square_low.
  destruct (Z.leb_spec S (2 * l)) as [A|A]; [|destruct (Z.leb_spec (2 * u) S) as [B|B]].
  - apply IZR_le in A. rewrite mult_IZR in A. rewrite minus_IZR, !mult_IZR. nra.
  - apply IZR_le in B. rewrite mult_IZR in B. rewrite minus_IZR, !mult_IZR. nra.
  - pose proof (Z.mul_div_le (- (S * S)) 4 eq_refl) as D. apply IZR_le in D.
    rewrite mult_IZR, opp_IZR, mult_IZR in D. set (t := (- (S * S) / 4)%Z) in *.
    pose proof (Rle_0_sqr (2 * X - IZR S)) as P. unfold Rsqr in P. nra.
Qed.
Lemma square_up_ok : forall S l u X, IZR l <= X <= IZR u ->
  X * X <= IZR S * X + IZR (square_up S l u).
Proof.
  intros S l u X H. unfold square_up.
  set (M := Z.max _ _).
  assert (A : (l * l - S * l <= M)%Z) by (unfold M; lia).
  assert (B : (u * u - S * u <= M)%Z) by (unfold M; lia).
  clearbody M. apply IZR_le in A, B. rewrite minus_IZR, !mult_IZR in A, B.
  assert (C : X * X <= (IZR l + IZR u) * X - IZR l * IZR u) by nra.
  pose proof (linear_between (IZR S - IZR l - IZR u) (IZR l * IZR u) (- IZR M) _ _ _ H). lra.
Qed.

(** Signs: H times the sign, less S X. *)
Definition ends (S l u : Z) : Z := Z.min (- (S * l)) (- (S * u)).
Definition sign_low (H S l u : Z) : Z :=
  if (0 <? l)%Z then (H + ends S l u)%Z
  else if (u <? 0)%Z then (- H + ends S l u)%Z
  else Z.min 0 (Z.min (if (l <? 0)%Z then (- H + ends S l 0)%Z else 0%Z)
                      (if (0 <? u)%Z then (H + ends S 0 u)%Z else 0%Z)).
Lemma ends_ok : forall S l u X, IZR l <= X <= IZR u -> IZR (ends S l u) <= - (IZR S * X).
Proof.
  intros S l u X H. unfold ends. set (m := Z.min _ _).
  assert (A : (m <= - (S * l))%Z) by (unfold m; lia).
  assert (B : (m <= - (S * u))%Z) by (unfold m; lia).
  clearbody m. apply IZR_le in A, B. rewrite opp_IZR, mult_IZR in A, B.
  pose proof (linear_between (- IZR S) 0 (IZR m) _ _ _ H). lra.
Qed.
Lemma sign_low_ok : forall H S l u X, IZR l <= X <= IZR u ->
  IZR S * X + IZR (sign_low H S l u) <= IZR H * sign X.
Proof.
  intros H S l u X B. unfold sign_low.
  destruct (Z.ltb_spec 0 l) as [P|P]; [|destruct (Z.ltb_spec u 0) as [N|N]].
  - apply IZR_lt in P. pose proof (ends_ok S l u X B). rewrite plus_IZR. unfold sign.
    destruct (Rlt_dec X 0); [lra|]. destruct (Rlt_dec 0 X); lra.
  - apply IZR_lt in N. pose proof (ends_ok S l u X B). rewrite plus_IZR, opp_IZR. unfold sign.
    destruct (Rlt_dec X 0); [lra|]. destruct (Rlt_dec 0 X); lra.
  - set (a := if (l <? 0)%Z then _ else _). set (b := if (0 <? u)%Z then _ else _).
    assert (M : IZR (Z.min 0 (Z.min a b)) <= 0 /\ IZR (Z.min 0 (Z.min a b)) <= IZR a
      /\ IZR (Z.min 0 (Z.min a b)) <= IZR b) by (repeat split; apply IZR_le; lia).
    unfold sign. destruct (Rlt_dec X 0) as [D|D]; [|destruct (Rlt_dec 0 X) as [E|E]].
    + assert (L : (l <? 0)%Z = true) by (apply Z.ltb_lt, lt_IZR; lra). unfold a in *.
      rewrite L in *. pose proof (ends_ok S l 0 X ltac:(lra)). rewrite plus_IZR, opp_IZR in M. lra.
    + assert (L : (0 <? u)%Z = true) by (apply Z.ltb_lt, lt_IZR; lra). unfold b in *.
      rewrite L in *. pose proof (ends_ok S 0 u X ltac:(lra)). rewrite plus_IZR in M. lra.
    + assert (X = 0) by lra. subst X. lra.
Qed.
Lemma sign_opp : forall X, sign (- X) = - sign X.
Proof.
  intros X. unfold sign. destruct (Rlt_dec (- X) 0), (Rlt_dec X 0), (Rlt_dec 0 (- X)), (Rlt_dec 0 X); lra.
Qed.
Lemma sign_scale : forall Q y, 0 < Q -> sign (Q * y) = sign y.
Proof.
  intros Q y P. unfold sign.
  destruct (Rlt_dec (Q * y) 0), (Rlt_dec y 0); try reflexivity; try nra;
  destruct (Rlt_dec 0 (Q * y)), (Rlt_dec 0 y); try reflexivity; nra.
Qed.

(** What a certificate proposes for one value: a code, and slopes by place. *)
Record hint := Hint { code : Z; slopes : list (option Z) }.
Definition plain : hint := Hint 255 [].
Definition slope (h : hint) (p : nat) (default : Z) : Z :=
  match nth_error (slopes h) p with Some (Some s) => s | _ => default end.

Section Scaled.
Variable q : Z.
Hypothesis q_pos : (0 <= q)%Z.

Definition unary_line (f : unary) (i : interval) (h : hint) : line :=
  let (l, u) := i in
  match f with
  | Pieces g =>
      let (low, up) := default_slopes q g i (code h) in
      make_line q g i (slope h 0 low, slope h 1 up)
  | Squared =>
      let low := slope h 0 (l + u)%Z in let up := slope h 1 (l + u)%Z in
      Line low (square_low low l u) up (square_up up l u)
  | Signed =>
      let low := slope h 0 0%Z in let up := slope h 1 0%Z in let H := Z.shiftl 1 (q + q) in
      Line low (sign_low H low l u) up (- sign_low H up (- u) (- l))
  end.
Lemma unary_line_ok : forall f l u h y, IZR l <= IZR (2 ^ q) * y <= IZR u ->
  let n := unary_line f (l, u) h in
  IZR (ls n) * (IZR (2 ^ q) * y) + IZR (lt n)
  <= IZR (2 ^ q) * (IZR (2 ^ q) * unary_value f y)
  <= IZR (us n) * (IZR (2 ^ q) * y) + IZR (ut n).
Proof.
  intros f l u h y B n. subst n. pose proof (scale_pos q q_pos) as P. unfold unary_line.
  destruct f as [g| |].
  - destruct (default_slopes q g (l, u) (code h)) as [low up]. now apply make_line_ok.
  - cbn [ls lt us ut unary_value]. set (X := IZR (2 ^ q) * y) in *.
    replace (IZR (2 ^ q) * (IZR (2 ^ q) * (y * y))) with (X * X) by (unfold X; ring).
    split; [now apply square_low_ok|now apply square_up_ok].
  - cbn [ls lt us ut unary_value]. rewrite <- (sign_scale (IZR (2 ^ q)) y P).
    set (X := IZR (2 ^ q) * y) in *.
    assert (E : IZR (2 ^ q) * (IZR (2 ^ q) * sign X) = IZR (Z.shiftl 1 (q + q)) * sign X).
    { rewrite Z.shiftl_mul_pow2, Z.mul_1_l, Z.pow_add_r, mult_IZR by lia. ring. }
    rewrite E. split; [now apply sign_low_ok|].
    pose proof (sign_low_ok (Z.shiftl 1 (q + q)) (slope h 1 0%Z) (- u) (- l) (- X)) as S.
    rewrite !opp_IZR, sign_opp in S. specialize (S ltac:(lra)). rewrite opp_IZR. lra.
Qed.

(** Planes: a X + b Y + c <= X Y <= a' X + b' Y + c'. *)
Record plane := Plane { pa : Z; pb : Z; pc : Z; qa : Z; qb : Z; qc : Z }.
Definition corners (a b : Z) (i j : interval) : Z :=
  let (l, u) := i in let (m, v) := j in
  Z.min (Z.min (l * m - a * l - b * m) (l * v - a * l - b * v))
        (Z.min (u * m - a * u - b * m) (u * v - a * u - b * v)).
Lemma corners_ok : forall a b l u m v X Y, IZR l <= X <= IZR u -> IZR m <= Y <= IZR v ->
  IZR a * X + IZR b * Y + IZR (corners a b (l, u) (m, v)) <= X * Y.
Proof.
  intros a b l u m v X Y HX HY. unfold corners. set (c := Z.min _ _).
  assert (A1 : (c <= l * m - a * l - b * m)%Z) by (unfold c; lia).
  assert (A2 : (c <= l * v - a * l - b * v)%Z) by (unfold c; lia).
  assert (A3 : (c <= u * m - a * u - b * m)%Z) by (unfold c; lia).
  assert (A4 : (c <= u * v - a * u - b * v)%Z) by (unfold c; lia).
  clearbody c. apply IZR_le in A1, A2, A3, A4. rewrite !minus_IZR, !mult_IZR in *.
  assert (L : IZR c <= (IZR l - IZR b) * Y + - (IZR a * IZR l))
    by (apply (linear_between _ _ _ _ _ _ HY); lra).
  assert (U : IZR c <= (IZR u - IZR b) * Y + - (IZR a * IZR u))
    by (apply (linear_between _ _ _ _ _ _ HY); lra).
  assert (IZR c <= (Y - IZR a) * X + - (IZR b * Y))
    by (apply (linear_between _ _ _ _ _ _ HX); lra).
  lra.
Qed.
Definition make_plane (i j : interval) (h : hint) : plane :=
  let (l, u) := i in let (m, v) := j in
  let a := Z.shiftr (m + v) 1 in let b := Z.shiftr (l + u) 1 in
  let pa := slope h 0 a in let pb := slope h 1 b in let qa := slope h 2 a in let qb := slope h 3 b in
  Plane pa pb (corners pa pb i j) qa qb (- corners qa (- qb) (- u, - l)%Z j).
Fixpoint plane_rel (planes : list plane) (f g h : nat -> R) : Prop :=
  match planes with
  | [] => True
  | p :: planes' =>
      (IZR (pa p) * g O + IZR (pb p) * h O + IZR (pc p) <= IZR (2 ^ q) * f O
       <= IZR (qa p) * g O + IZR (qb p) * h O + IZR (qc p))
      /\ plane_rel planes' (fun i => f (S i)) (fun i => g (S i)) (fun i => h (S i))
  end.
Fixpoint make_planes (b c : list interval) (hs : list hint) : list plane :=
  match b, c with
  | i :: b', j :: c' =>
      let (h, hs') := match hs with [] => (plain, []) | h :: t => (h, t) end in
      make_plane i j h :: make_planes b' c' hs'
  | _, _ => []
  end.
Lemma make_plane_ok : forall i j h X Y, IZR (fst i) <= X <= IZR (snd i) ->
  IZR (fst j) <= Y <= IZR (snd j) -> let p := make_plane i j h in
  IZR (pa p) * X + IZR (pb p) * Y + IZR (pc p) <= X * Y
  <= IZR (qa p) * X + IZR (qb p) * Y + IZR (qc p).
Proof.
  intros [l u] [m v] h X Y HX HY p. subst p. unfold make_plane. cbn [pa pb pc qa qb qc fst snd] in *.
  split; [now apply corners_ok|].
  set (a := slope h 2 _). set (b := slope h 3 _).
  pose proof (corners_ok a (- b) (- u) (- l) m v (- X) Y) as C.
  rewrite !opp_IZR in C. specialize (C ltac:(lra) HY). rewrite opp_IZR. lra.
Qed.
Lemma make_planes_ok : forall b c hs f g h, boxed b (fun i => IZR (2 ^ q) * g i) ->
  boxed c (fun i => IZR (2 ^ q) * h i) -> (forall i, (i < length b)%nat -> f i = g i * h i) ->
  plane_rel (make_planes b c hs) (fun i => IZR (2 ^ q) * f i) (fun i => IZR (2 ^ q) * g i)
    (fun i => IZR (2 ^ q) * h i).
Proof.
  induction b as [|[l u] b IH]; intros [|[m v] c] hs f g h Hb Hc Hf; try exact I.
  destruct Hb as [B1 B2], Hc as [C1 C2]. cbn [make_planes].
  destruct (match hs with [] => _ | _ => _ end) as [hh hs']. cbn [plane_rel]. split.
  - rewrite (Hf 0%nat ltac:(simpl; lia)).
    replace (IZR (2 ^ q) * (IZR (2 ^ q) * (g 0%nat * h 0%nat)))
      with ((IZR (2 ^ q) * g 0%nat) * (IZR (2 ^ q) * h 0%nat)) by ring.
    exact (make_plane_ok (l, u) (m, v) hh _ _ B1 C1).
  - apply (IH c hs' (fun i => f (S i)) (fun i => g (S i)) (fun i => h (S i))); auto.
    intros i L. apply Hf. simpl; lia.
Qed.
Fixpoint relax2 (a : list Z) (planes : list plane) : option (list Z * list Z * Z) :=
  match a, planes with
  | [], _ => Some ([], [], 0%Z)
  | z :: a', p :: planes' =>
      match relax2 a' planes' with
      | Some (s, t, c) =>
          Some (if (0 <=? z)%Z then ((z * pa p)%Z :: s, (z * pb p)%Z :: t, (z * pc p + c)%Z)
                else ((z * qa p)%Z :: s, (z * qb p)%Z :: t, (z * qc p + c)%Z))
      | None => None
      end
  | _, [] => None
  end.
Lemma relax2_ok : forall a planes f g h s t c, relax2 a planes = Some (s, t, c) ->
  plane_rel planes f g h -> dot s g + dot t h + IZR c <= IZR (2 ^ q) * dot a f.
Proof.
  induction a as [|z a IH]; intros planes f g h s t c; simpl.
  - intros [= <- <- <-] _; simpl; lra.
  - destruct planes as [|p planes]; try discriminate.
    destruct (relax2 a planes) as [[[s' t'] c']|] eqn:E; try discriminate.
    intros H [H1 H2]. specialize (IH _ _ _ _ _ _ _ E H2). revert H.
    destruct (Z.leb_spec 0 z) as [P|P]; intros [= <- <- <-]; simpl; rewrite plus_IZR, !mult_IZR.
    + apply IZR_le in P. nra.
    + apply Z.lt_le_incl, IZR_le in P. nra.
Qed.
End Scaled.
