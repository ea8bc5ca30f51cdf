(* No ReLU network of one real input tells even from odd on all integers: far out it is affine. *)

Require Import List Reals QArith Qreals Lra Lia ZArith.
From Gallery Require Import Net NetFacts Fold.
Import ListNotations.
Open Scope R_scope.

(** * What is stated *)

(* The decision rule: h says that the integer m is odd if h(m) > 1/2, and even otherwise. *)
Definition right_at (h : R -> R) (m : Z) : Prop := h (IZR m) > 1 / 2 <-> Z.Odd m.

(* From X on, h is affine; X may be the last breakpoint of h. *)
Definition affine_from (h : R -> R) (X : R) : Prop :=
  exists a b, forall x, X <= x -> h x = a * x + b.

(** * Every network is affine from some point on *)

(* The same of a function with several values; the lines are pairs of slope and constant. *)
Definition line (x : R) (l : R * R) : R := fst l * x + snd l.
Definition lines_from (F : R -> list R) (X : R) : Prop :=
  exists ls, forall x, X <= x -> F x = map (line x) ls.

Lemma dot_lines a ls : exists l, forall x, dot a (map (line x) ls) = line x l.
Proof.
  revert ls; induction a as [|a0 a IH]; intros [|l0 ls];
    try (exists (0, 0); intro x; unfold line; simpl; ring).
  destruct (IH ls) as [l found]; exists (a0 * fst l0 + fst l, a0 * snd l0 + snd l); intro x.
  simpl; rewrite found; unfold line; simpl; ring.
Qed.

Lemma rows_lines W b ls : exists ls', forall x, rows W b (map (line x) ls) = map (line x) ls'.
Proof.
  revert b; induction W as [|w W IH]; intro b; [exists []; reflexivity|].
  destruct (IH (tl b)) as [ls' rest], (dot_lines w ls) as [l first].
  exists ((fst l, snd l + hd 0 b) :: ls'); intro x; simpl.
  rewrite rest, first; f_equal; unfold line; simpl; ring.
Qed.

Lemma relu_line l : exists X l', forall x, X <= x -> relu (line x l) = line x l'.
Proof.
  destruct l as [a b]; unfold line; simpl.
  destruct (Rtotal_order a 0) as [negative|[->|positive]].
  - exists (- b / a), (0, 0); intros x far; simpl; rewrite relu_inactive; [ring|].
    apply Rmult_le_compat_neg_l with (r := a) in far; [|lra].
    replace (a * (- b / a)) with (- b) in far by (field; lra); lra.
  - exists 0, (0, relu b); intros x _; simpl; replace (0 * x + b) with b by ring; ring.
  - exists (- b / a), (a, b); intros x far; simpl; apply relu_active.
    apply Rmult_le_compat_l with (r := a) in far; [|lra].
    replace (a * (- b / a)) with (- b) in far by (field; lra); lra.
Qed.

Lemma relu_lines ls : exists X ls', forall x, X <= x ->
  map relu (map (line x) ls) = map (line x) ls'.
Proof.
  induction ls as [|l ls (X & ls' & rest)]; [exists 0, []; reflexivity|].
  destruct (relu_line l) as (Y & l' & first).
  exists (Rmax X Y), (l' :: ls'); intros x far; simpl.
  pose proof (Rmax_l X Y); pose proof (Rmax_r X Y).
  rewrite first, rest by lra; reflexivity.
Qed.

Lemma run_lines net : forall ls, exists X ls', forall x, X <= x ->
  run net (map (line x) ls) = map (line x) ls'.
Proof.
  induction net as [|l net IH]; intro ls; [exists 0, ls; reflexivity|].
  destruct (rows_lines (weight l) (bias l) ls) as [before affine].
  destruct net as [|l' net]; [exists 0, before; intros; apply affine|].
  destruct (relu_lines before) as (X & after & kinks), (IH after) as (Y & ls' & rest).
  exists (Rmax X Y), ls'; intros x far.
  pose proof (Rmax_l X Y); pose proof (Rmax_r X Y).
  rewrite run_step; unfold apply; rewrite affine, kinks by lra; apply rest; lra.
Qed.

Lemma network_affine_from net : exists X, affine_from (value net) X.
Proof.
  destruct (run_lines net [(1, 0)]) as (X & ls & found); exists X.
  exists (fst (hd (0, 0) ls)), (snd (hd (0, 0) ls)); intros x far.
  unfold value, output; replace [x] with (map (line x) [(1, 0)]) by (unfold line; simpl; f_equal;
    ring).
  rewrite found by assumption; destruct ls; unfold line; simpl; ring.
Qed.

(** * An affine function is wrong at one of any three consecutive integers *)

Lemma even_not_odd m : Z.Even m -> ~ Z.Odd m.
Proof. intros even odd; exact (Z.Even_Odd_False m even odd). Qed.

Lemma right_or_wrong h m : right_at h m \/ ~ right_at h m.
Proof.
  unfold right_at, Rgt; destruct (Rlt_dec (1 / 2) (h (IZR m))), (Z.Even_or_Odd m);
    pose proof (even_not_odd m); tauto.
Qed.

Lemma wrong_in_three h X m : affine_from h X -> X <= IZR m ->
  exists k, (m <= k <= m + 2)%Z /\ ~ right_at h k.
Proof.
  intros (a & b & line) far.
  assert (value : forall i, (0 <= i)%Z -> h (IZR (m + i)) = a * IZR m + a * IZR i + b).
  { intros i ahead; apply IZR_le in ahead.
    rewrite line, plus_IZR; [ring|rewrite plus_IZR; lra]. }
  pose proof (value 0%Z ltac:(lia)) as h0.
  pose proof (value 1%Z ltac:(lia)) as h1; pose proof (value 2%Z ltac:(lia)) as h2.
  destruct (right_or_wrong h (m + 0)) as [right0|wrong];
    [|exists (m + 0)%Z; split; [lia|exact wrong]].
  destruct (right_or_wrong h (m + 1)) as [right1|wrong];
    [|exists (m + 1)%Z; split; [lia|exact wrong]].
  destruct (right_or_wrong h (m + 2)) as [right2|wrong];
    [|exists (m + 2)%Z; split; [lia|exact wrong]].
  exfalso; unfold right_at in *.
  destruct (Z.Even_or_Odd m) as [[n even]|[n odd]].
  - assert (Z.Odd (m + 1)) as odd1 by (exists n; lia).
    assert (Z.Even (m + 0)) as even0 by (exists n; lia).
    assert (Z.Even (m + 2)) as even2 by (exists (n + 1)%Z; lia).
    apply even_not_odd in even0, even2; rewrite <- right0 in even0; rewrite <- right2 in even2.
    apply right1 in odd1; lra.
  - assert (Z.Even (m + 1)) as even1 by (exists (n + 1)%Z; lia).
    assert (Z.Odd (m + 0)) as odd0 by (exists n; lia).
    assert (Z.Odd (m + 2)) as odd2 by (exists (n + 1)%Z; lia).
    apply even_not_odd in even1; rewrite <- right1 in even1.
    apply right0 in odd0; apply right2 in odd2; lra.
Qed.

(** * On a bounded range a network can be right *)

Lemma sawtooth_right d n : (n <= 2 ^ d)%nat ->
  right_at (value (real (fold_net d [1%Q]))) (Z.of_nat n).
Proof.
  intro below; unfold right_at, value, output; rewrite fold_net_run.
  assert (dot (map Q2R [1%Q]) [IZR (Z.of_nat n)] = INR n) as ->.
  { rewrite INR_IZR_INZ; weights; lra. }
  simpl hd; rewrite folds_parity by assumption; unfold parity.
  destruct (Nat.Even_or_Odd n) as [[k even]|[k odd]].
  - replace (Nat.odd n) with false by (rewrite even, Nat.odd_mul; reflexivity).
    pose proof (even_not_odd (Z.of_nat n)) as neither; split; [lra|].
    intro odd; exfalso; apply neither; [exists (Z.of_nat k); lia|exact odd].
  - replace (Nat.odd n) with true by (symmetry; apply Nat.odd_spec; exists k; exact odd).
    split; [exists (Z.of_nat k); lia|lra].
Qed.

(** * The theorem *)

(* From the last breakpoint X on, an integer is decided wrongly at most 2 beyond the first one. *)
Lemma parity_integers_near h X : affine_from h X ->
  exists m, X <= IZR m < X + 3 /\ ~ right_at h m.
Proof.
  intro affine; destruct (archimed X) as [above below].
  assert (IZR (up X - 1) = IZR (up X) - 1) as one by apply minus_IZR.
  destruct (Req_dec (IZR (up X) - 1) X) as [integer|fraction].
  - destruct (wrong_in_three h X (up X - 1) affine) as (k & [low high] & wrong); [lra|].
    exists k; split; [|exact wrong]; apply IZR_le in low, high.
    rewrite plus_IZR in high; lra.
  - destruct (wrong_in_three h X (up X) affine) as (k & [low high] & wrong); [lra|].
    exists k; split; [|exact wrong]; apply IZR_le in low, high.
    rewrite plus_IZR in high; lra.
Qed.

(* No ReLU network R -> R is right on all integers. More: it is affine from some X on, every
   function that is so decides one of the integers m with X <= m < X + 3 wrongly, hence there are
   wrong integers beyond every bound. And "2 beyond the first integer" is the least that is true:
   h(x) = x, affine from 0 on, is right at 0 and 1. On 0, ..., 2^d the network that folds at
   2^(d-1), ..., 2, 1 is right. *)
Theorem parity_integers :
  (forall net : network R, exists m, ~ right_at (value net) m) /\
  (forall net : network R, exists X, affine_from (value net) X) /\
  (forall h X, affine_from h X -> exists m, X <= IZR m < X + 3 /\ ~ right_at h m) /\
  (forall (net : network R) M, exists m, M <= IZR m /\ ~ right_at (value net) m) /\
  (affine_from (fun x => x) 0 /\ right_at (fun x => x) 0 /\ right_at (fun x => x) 1) /\
  (forall d n, (n <= 2 ^ d)%nat -> right_at (value (real (fold_net d [1%Q]))) (Z.of_nat n)).
Proof.
  assert (far : forall (net : network R) M, exists m, M <= IZR m /\ ~ right_at (value net) m).
  { intros net M; destruct (network_affine_from net) as (X & a & b & line).
    destruct (parity_integers_near (value net) (Rmax X M)) as (m & near & wrong).
    - exists a, b; intros x beyond; apply line; pose proof (Rmax_l X M); lra.
    - exists m; split; [pose proof (Rmax_r X M); lra|exact wrong]. }
  split; [|split; [|split; [|split; [|split]]]].
  - intro net; destruct (far net 0) as (m & _ & wrong); exists m; exact wrong.
  - apply network_affine_from.
  - apply parity_integers_near.
  - exact far.
  - unfold right_at; split; [|split].
    + exists 1, 0; intros; ring.
    + split; [lra|]; intros [k found]; lia.
    + split; [exists 0%Z; lia|lra].
  - exact sawtooth_right.
Qed.
