(* On finitely many labelled points some ReLU network is right and stable to every perturbation of
   less than half the distance between labels; and no classifier does better. *)

Require Import List Reals Lra Lia.
From Gallery Require Import Net NetFacts Expressions.
Import ListNotations.
Open Scope R_scope.

(** * What is stated *)

(* The distance of two points of equal length: the greatest of all |x_k - p_k|. *)
Fixpoint dist (x p : list R) : R :=
  match x, p with
  | x0 :: x', p0 :: p' => Rmax (Rabs (x0 - p0)) (dist x' p')
  | _, _ => 0
  end.

(* Points with labels. *)
Definition data := list (list R * nat).
Definition points (c : nat) (D : data) : list (list R) :=
  map fst (filter (fun labelled => snd labelled =? c)%nat D).

(* The distance from x to the nearest of some points, one at least. *)
Fixpoint nearest (x : list R) (ps : list (list R)) : R :=
  match ps with
  | [] => 0
  | [p] => dist x p
  | p :: ps' => Rmin (dist x p) (nearest x ps')
  end.

(* The scores of the labels 0, ..., k - 1. *)
Definition scores (D : data) (k : nat) (x : list R) : list R :=
  map (fun c => - nearest x (points c D)) (seq 0 k).

(* Points of n coordinates, each with one of k labels, each label with a point; labels that differ
   are sep apart. *)
Definition separated (D : data) (n k : nat) (sep : R) : Prop :=
  (forall p c, In (p, c) D -> length p = n /\ (c < k)%nat) /\
  (forall c, (c < k)%nat -> exists p, In (p, c) D) /\
  (forall p c q c', In (p, c) D -> In (q, c') D -> c <> c' -> sep <= dist p q).

(** * Distances *)

Lemma dist_nonnegative x : forall p, 0 <= dist x p.
Proof.
  induction x as [|x0 x IH]; intros [|p0 p]; simpl; try lra.
  eapply Rle_trans; [apply Rabs_pos|apply Rmax_l].
Qed.

Lemma dist_same x : dist x x = 0.
Proof.
  induction x as [|x0 x IH]; simpl; [reflexivity|].
  rewrite IH, Rminus_eq_0, Rabs_R0; apply Rmax_left; lra.
Qed.

Lemma dist_sym x : forall p, dist x p = dist p x.
Proof.
  induction x as [|x0 x IH]; intros [|p0 p]; simpl; try reflexivity.
  rewrite IH, Rabs_minus_sym; reflexivity.
Qed.

Lemma dist_triangle x : forall p q, length x = length p -> length x = length q ->
  dist p q <= dist x p + dist x q.
Proof.
  induction x as [|x0 x IH]; intros [|p0 p] [|q0 q]; simpl; try easy; [intros; lra|].
  intros same_p same_q; specialize (IH p q ltac:(lia) ltac:(lia)).
  pose proof (Rmax_l (Rabs (x0 - p0)) (dist x p)); pose proof (Rmax_r (Rabs (x0 - p0)) (dist x p)).
  pose proof (Rmax_l (Rabs (x0 - q0)) (dist x q)); pose proof (Rmax_r (Rabs (x0 - q0)) (dist x q)).
  pose proof (Rabs_triang (p0 - x0) (x0 - q0)) as between.
  replace (p0 - x0 + (x0 - q0)) with (p0 - q0) in between by ring.
  rewrite (Rabs_minus_sym p0 x0) in between; apply Rmax_lub; lra.
Qed.

Lemma nearest_below x p ps : In p ps -> nearest x ps <= dist x p.
Proof.
  induction ps as [|q [|q' ps] IH]; [easy| |]; intro inside.
  - destruct inside as [->|[]]; simpl; lra.
  - change (nearest x (q :: q' :: ps)) with (Rmin (dist x q) (nearest x (q' :: ps))).
    destruct inside as [->|inside]; [apply Rmin_l|].
    eapply Rle_trans; [apply Rmin_r|apply IH, inside].
Qed.

Lemma nearest_above x b ps : ps <> [] -> (forall p, In p ps -> b <= dist x p) -> b <= nearest x ps.
Proof.
  induction ps as [|q [|q' ps] IH]; [easy| |]; intros _ above.
  - apply above; now left.
  - change (nearest x (q :: q' :: ps)) with (Rmin (dist x q) (nearest x (q' :: ps))).
    apply Rmin_glb; [apply above; now left|apply IH; [easy|intros; apply above; now right]].
Qed.

Lemma points_in p c D : In p (points c D) <-> In (p, c) D.
Proof.
  unfold points; rewrite in_map_iff; split.
  - intros ([q l] & <- & inside); apply filter_In in inside as [inside same].
    apply Nat.eqb_eq in same; simpl in *; subst; exact inside.
  - intro inside; exists (p, c); split; [reflexivity|]; apply filter_In; split; [exact inside|].
    apply Nat.eqb_refl.
Qed.

(** * The scores as expressions *)

Fixpoint dist_from (i : nat) (p : list R) : expression :=
  match p with
  | [] => Number 0
  | p0 :: p' => greater (absolute (Sum (Input i) (Number (- p0)))) (dist_from (S i) p')
  end.

Lemma eval_dist_from p : forall pre x, length x = length p ->
  eval (pre ++ x) (dist_from (length pre) p) = dist x p.
Proof.
  induction p as [|p0 p IH]; intros pre [|x0 x] same; try easy.
  change (dist_from (length pre) (p0 :: p)) with
    (greater (absolute (Sum (Input (length pre)) (Number (- p0)))) (dist_from (S (length pre)) p)).
  rewrite eval_greater, eval_absolute; simpl dist; f_equal.
  - simpl; rewrite app_nth2, Nat.sub_diag by lia; reflexivity.
  - specialize (IH (pre ++ [x0]) x); rewrite <- app_assoc, app_length, Nat.add_1_r in IH.
    apply IH; simpl in same; lia.
Qed.

Fixpoint nearest_of (ps : list (list R)) : expression :=
  match ps with
  | [] => Number 0
  | [p] => dist_from 0 p
  | p :: ps' => lesser (dist_from 0 p) (nearest_of ps')
  end.

Lemma eval_nearest_of x ps : (forall p, In p ps -> length x = length p) ->
  eval x (nearest_of ps) = nearest x ps.
Proof.
  induction ps as [|p [|p' ps] IH]; intro same; [reflexivity| |].
  - apply (eval_dist_from p []); apply same; now left.
  - change (nearest_of (p :: p' :: ps)) with (lesser (dist_from 0 p) (nearest_of (p' :: ps))).
    rewrite eval_lesser, IH by (intros; apply same; now right).
    pose proof (eval_dist_from p [] x (same p (or_introl eq_refl))) as first; simpl in first.
    rewrite first; reflexivity.
Qed.

Lemma scores_network D n k sep : separated D n k sep ->
  exists net : network R, forall x, length x = n -> run net x = scores D k x.
Proof.
  intros (sizes & _).
  set (es := map (fun c => Scaled (-1) (nearest_of (points c D))) (seq 0 k)).
  destruct (some_depth es) as [depth small], (expressions_network depth es small) as (net & _ &
    same).
  exists net; intros x long; unfold es in same.
  rewrite same, map_map; unfold scores; apply map_ext; intro c.
  change (-1 * eval x (nearest_of (points c D)) = - nearest x (points c D)).
  rewrite eval_nearest_of; [ring|]; intros p inside; apply points_in, sizes in inside; lia.
Qed.

(** * They are right, and stable *)

Lemma score_at D k x c : (c < k)%nat -> nth c (scores D k x) 0 = - nearest x (points c D).
Proof.
  intro range; unfold scores; rewrite nth_indep with (d' := - nearest x (points 0 D)).
  - rewrite (map_nth (fun c => - nearest x (points c D))), seq_nth by exact range; reflexivity.
  - rewrite map_length, seq_length; exact range.
Qed.

Lemma scores_stable D n k sep p c x : separated D n k sep -> In (p, c) D -> length x = n ->
  dist x p < sep / 2 -> forall c', (c' < k)%nat -> c' <> c ->
  nth c' (scores D k x) 0 < nth c (scores D k x) 0.
Proof.
  intros (sizes & used & apart) inside long near c' range other.
  destruct (sizes p c inside) as [long_p range_p].
  rewrite !score_at by assumption; apply Ropp_lt_contravar.
  apply Rle_lt_trans with (dist x p); [apply nearest_below, points_in, inside|].
  apply Rlt_le_trans with (sep - dist x p); [lra|].
  apply nearest_above.
  - destruct (used c' range) as [q there]; apply points_in in there; intro none.
    rewrite none in there; exact there.
  - intros q there; apply points_in in there; destruct (sizes q c' there) as [long_q _].
    specialize (apart p c q c' inside there ltac:(congruence)).
    pose proof (dist_triangle x p q ltac:(congruence) ltac:(congruence)); lra.
Qed.

(** * Nothing does better *)

Fixpoint middle (p q : list R) : list R :=
  match p, q with
  | p0 :: p', q0 :: q' => (p0 + q0) / 2 :: middle p' q'
  | _, _ => []
  end.

Lemma middle_length p : forall q, length p = length q -> length (middle p q) = length p.
Proof. induction p as [|p0 p IH]; intros [|q0 q]; simpl; try easy; auto. Qed.

Lemma middle_left p : forall q, dist (middle p q) p = dist p q / 2.
Proof.
  induction p as [|p0 p IH]; intros [|q0 q]; simpl; try lra.
  rewrite IH; replace ((p0 + q0) / 2 - p0) with (- (p0 - q0) / 2) by field.
  unfold Rdiv; rewrite Rabs_mult, Rabs_Ropp, (Rabs_right (/ 2)) by lra.
  rewrite !(Rmult_comm _ (/ 2)), RmaxRmult by lra; reflexivity.
Qed.

Lemma middle_right p : forall q, dist (middle p q) q = dist p q / 2.
Proof.
  enough (same : forall q, middle p q = middle q p) by
    (intro q; rewrite same, middle_left, dist_sym; reflexivity).
  induction p as [|p0 p IH]; intros [|q0 q]; simpl; try reflexivity.
  rewrite IH; f_equal; lra.
Qed.

(** * The theorem *)

(* For finitely many labelled points, labels that differ sep apart:
   - some ReLU network, whose outputs are minus the distances to the nearest point of each label,
     has its greatest output at a point's own label wherever it is less than sep/2 away from the
     point;
   - where two points of different labels are exactly sep apart, no function at all gives every
     point's label to all that is within some r >= sep/2 of it. *)
Theorem stable_exists D n k sep : separated D n k sep ->
  (exists net : network R,
    (forall x, length x = n -> run net x = scores D k x) /\
    forall p c x, In (p, c) D -> length x = n -> dist x p < sep / 2 ->
      forall c', (c' < k)%nat -> c' <> c -> nth c' (run net x) 0 < nth c (run net x) 0) /\
  (forall p c q c', In (p, c) D -> In (q, c') D -> c <> c' -> dist p q = sep ->
    forall (classifier : list R -> nat) r, sep / 2 <= r ->
    ~ forall p c x, In (p, c) D -> length x = n -> dist x p <= r -> classifier x = c).
Proof.
  intro given; split.
  - destruct (scores_network D n k sep given) as [net same]; exists net; split; [exact same|].
    intros p c x inside long near c' range other; rewrite same by exact long.
    apply (scores_stable D n k sep p c x); assumption.
  - intros p c q c' in_p in_q other apart classifier r large right.
    destruct given as (sizes & _ & _).
    destruct (sizes p c in_p) as [long_p _], (sizes q c' in_q) as [long_q _].
    assert (length (middle p q) = n) as long by (rewrite middle_length; congruence).
    apply other; transitivity (classifier (middle p q)); [symmetry|];
      (apply (right p) + apply (right q)); try assumption;
      rewrite ?middle_left, ?middle_right, apart; exact large.
Qed.
