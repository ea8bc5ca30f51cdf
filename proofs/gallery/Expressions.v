(* Whatever is written with inputs, numbers, +, scaling and relu is computed by a ReLU network. *)

Require Import List Reals Lra Lia.
From Gallery Require Import Net NetFacts.
Import ListNotations.
Open Scope R_scope.

Inductive expression :=
| Input (i : nat)
| Number (c : R)
| Sum (e f : expression)
| Scaled (c : R) (e : expression)
| Relu (e : expression).

Fixpoint eval (x : list R) (e : expression) : R :=
  match e with
  | Input i => nth i x 0
  | Number c => c
  | Sum e f => eval x e + eval x f
  | Scaled c e => c * eval x e
  | Relu e => relu (eval x e)
  end.

Fixpoint depth (e : expression) : nat :=
  match e with
  | Input _ | Number _ => 0
  | Sum e f => Nat.max (depth e) (depth f)
  | Scaled _ e => depth e
  | Relu e => S (depth e)
  end.

(** * Sums of products of lists *)

Lemma dot_after pre w x : dot (repeat 0 (length pre) ++ w) (pre ++ x) = dot w x.
Proof. induction pre as [|y pre IH]; simpl; [reflexivity|]; rewrite IH; ring. Qed.

Lemma dot_before w : forall x post, length w = length x -> dot w (x ++ post) = dot w x.
Proof.
  induction w as [|w0 w IH]; intros [|x0 x] post same; simpl in *; try easy.
  rewrite IH by lia; reflexivity.
Qed.

Lemma dot_app w w' : forall x x', length w = length x ->
  dot (w ++ w') (x ++ x') = dot w x + dot w' x'.
Proof.
  induction w as [|w0 w IH]; intros [|x0 x] x' same; simpl in *; try easy; [ring|].
  rewrite IH by lia; ring.
Qed.

Lemma dot_scaled c w x : dot (map (Rmult c) w) x = c * dot w x.
Proof.
  revert x; induction w as [|w0 w IH]; intros [|x0 x]; simpl; try ring; rewrite IH; ring.
Qed.

(** * Affine expressions: one layer *)

Fixpoint added (v w : list R) : list R :=
  match v, w with
  | v0 :: v', w0 :: w' => v0 + w0 :: added v' w'
  | [], w => w
  | v, [] => v
  end.

Lemma dot_added v : forall w x, dot (added v w) x = dot v x + dot w x.
Proof.
  induction v as [|v0 v IH]; intros [|w0 w] [|x0 x]; simpl; try ring; rewrite IH; ring.
Qed.

Lemma affine_form e : depth e = 0%nat -> exists w b, forall x, eval x e = dot w x + b.
Proof.
  induction e as [i|c|e IHe f IHf|c e IH|e]; simpl; intro flat.
  - exists (repeat 0 i ++ [1]), 0; revert i flat; enough (all : forall i x, nth i x 0 =
      dot (repeat 0 i ++ [1]) x + 0) by auto.
    induction i as [|i IH]; intros [|x0 x]; simpl; try ring; rewrite IH; ring.
  - exists [], c; intro x; simpl; ring.
  - destruct (IHe ltac:(lia)) as (w & b & He), (IHf ltac:(lia)) as (w' & b' & Hf).
    exists (added w w'), (b + b'); intro x; rewrite dot_added, He, Hf; ring.
  - destruct (IH flat) as (w & b & He); exists (map (Rmult c) w), (c * b); intro x.
    rewrite dot_scaled, He; ring.
  - discriminate.
Qed.

Lemma affine_layer es : (forall e, In e es -> depth e = 0%nat) ->
  exists l, forall x, apply l x = map (eval x) es.
Proof.
  induction es as [|e es IH]; intro flat; [exists (Layer [] []); reflexivity|].
  destruct IH as ([W b] & rest); [intros; apply flat; now right|].
  destruct (affine_form e (flat e (or_introl eq_refl))) as (w & c & first).
  exists (Layer (w :: W) (c :: b)); intro x; unfold apply in *; simpl in *.
  rewrite rest, first; reflexivity.
Qed.

(** * Other expressions: one layer more than what is inside relu *)

(* e is a number and a combination of relu(a), a in atoms, all of less depth. *)
Lemma atoms_of n e : (depth e <= S n)%nat -> exists atoms w b,
  (forall a, In a atoms -> (depth a <= n)%nat) /\ length w = length atoms /\
  forall x, eval x e = dot w (map relu (map (eval x) atoms)) + b.
Proof.
  induction e as [i|c|e IHe f IHf|c e IH|e _]; simpl; intro small.
  - exists [Input i; Scaled (-1) (Input i)], [1; -1], 0; repeat split; simpl.
    + intros a [<-|[<-|[]]]; simpl; lia.
    + intro x; destruct (Rle_or_lt 0 (nth i x 0)).
      * rewrite relu_active, relu_inactive; lra.
      * rewrite relu_inactive, relu_active; lra.
  - exists [], [], c; repeat split; [easy|intro x; simpl; ring].
  - destruct (IHe ltac:(lia)) as (A & w & b & low & same & He).
    destruct (IHf ltac:(lia)) as (A' & w' & b' & low' & same' & Hf).
    exists (A ++ A'), (w ++ w'), (b + b'); split; [|split].
    + intros a [inA|inA']%in_app_or; auto.
    + rewrite !app_length; lia.
    + intro x; rewrite !map_app, dot_app, He, Hf by (rewrite !map_length; assumption); ring.
  - destruct (IH small) as (A & w & b & low & same & He).
    exists A, (map (Rmult c) w), (c * b); split; [exact low|].
    split; [rewrite map_length; exact same|].
    intro x; rewrite dot_scaled, He; ring.
  - exists [e], [1], 0; repeat split; simpl; [intros a [<-|[]]; lia|intro x; ring].
Qed.

Lemma layer_of_atoms n es : (forall e, In e es -> (depth e <= S n)%nat) -> exists atoms,
  (forall a, In a atoms -> (depth a <= n)%nat) /\ forall pre, exists l, forall x before,
    length before = pre ->
    apply l (before ++ map relu (map (eval x) atoms)) = map (eval x) es.
Proof.
  induction es as [|e es IH]; intro small.
  - exists []; split; [easy|]; intro pre; exists (Layer [] []); reflexivity.
  - destruct IH as (A' & low' & rest); [intros; apply small; now right|].
    destruct (atoms_of n e (small e (or_introl eq_refl))) as (A & w & b & low & same & first).
    exists (A ++ A'); split; [intros a [inA|inA']%in_app_or; auto|]; intro pre.
    destruct (rest (pre + length A)%nat) as ([W bs] & others).
    exists (Layer ((repeat 0 pre ++ w) :: W) (b :: bs)); intros x before long.
    unfold apply in *; simpl in *; rewrite !map_app; f_equal.
    + rewrite <- long, dot_after, dot_before, first by (rewrite !map_length; assumption);
      reflexivity.
    + rewrite app_assoc; apply others; rewrite app_length, !map_length; lia.
Qed.

Lemma run_behind net l x : net <> [] -> run (net ++ [l]) x = apply l (map relu (run net x)).
Proof.
  revert x; induction net as [|l0 net IH]; intros x some; [easy|].
  destruct net as [|l1 net]; [reflexivity|].
  change (run ((l0 :: l1 :: net) ++ [l]) x) with (run ((l1 :: net) ++ [l]) (map relu (apply l0 x))).
  rewrite IH by easy; reflexivity.
Qed.

(* The values of expressions in which relu is at most n deep are the outputs of some network of n
   hidden layers, at all inputs. *)
Theorem expressions_network n : forall es, (forall e, In e es -> (depth e <= n)%nat) ->
  exists net : network R, length net = S n /\ forall x, run net x = map (eval x) es.
Proof.
  induction n as [|n IH]; intros es small.
  - destruct (affine_layer es) as [l same]; [intros e inside; specialize (small e inside); lia|].
    exists [l]; split; [reflexivity|exact same].
  - destruct (layer_of_atoms n es small) as (atoms & low & layers).
    destruct (IH atoms low) as (net & long & inner), (layers 0%nat) as [l outer].
    exists (net ++ [l]); split; [rewrite app_length, long; apply Nat.add_1_r|]; intro x.
    rewrite run_behind, inner by (intros ->; discriminate); apply (outer x []); reflexivity.
Qed.

Lemma some_depth es : exists n, forall e, In e es -> (depth e <= n)%nat.
Proof.
  exists (list_max (map depth es)); intros e inside.
  pose proof (list_max_le (map depth es) (list_max (map depth es))) as [bound _].
  specialize (bound (Nat.le_refl _)); rewrite Forall_forall in bound; apply bound, in_map, inside.
Qed.

(** * Networks as expressions, so that what is made of networks is a network *)

Fixpoint dot_of (w : list R) (es : list expression) : expression :=
  match w, es with
  | w0 :: w', e :: es' => Sum (Scaled w0 e) (dot_of w' es')
  | _, _ => Number 0
  end.
Fixpoint rows_of (W : list (list R)) (b : list R) (es : list expression) : list expression :=
  match W with
  | [] => []
  | w :: W' => Sum (dot_of w es) (Number (hd 0 b)) :: rows_of W' (tl b) es
  end.
Fixpoint run_of (net : network R) (es : list expression) : list expression :=
  match net with
  | [] => es
  | [l] => rows_of (weight l) (bias l) es
  | l :: rest => run_of rest (map Relu (rows_of (weight l) (bias l) es))
  end.

Lemma eval_dot_of x w : forall es, eval x (dot_of w es) = dot w (map (eval x) es).
Proof.
  induction w as [|w0 w IH]; intros [|e es]; simpl; try reflexivity; rewrite IH; reflexivity.
Qed.

Lemma eval_rows_of x es W : forall b, map (eval x) (rows_of W b es) = rows W b (map (eval x) es).
Proof.
  induction W as [|w W IH]; intro b; simpl; [reflexivity|].
  rewrite IH, eval_dot_of; reflexivity.
Qed.

Lemma eval_run_of x net : forall es, map (eval x) (run_of net es) = run net (map (eval x) es).
Proof.
  induction net as [|l net IH]; intro es; [reflexivity|].
  destruct net as [|l' net]; [apply eval_rows_of|].
  rewrite run_step; unfold apply; rewrite <- eval_rows_of, map_map.
  change (run_of (l :: l' :: net) es) with
    (run_of (l' :: net) (map Relu (rows_of (weight l) (bias l) es))).
  rewrite IH, map_map; reflexivity.
Qed.

Lemma depth_dot_of n w : forall es, (forall e, In e es -> (depth e <= n)%nat) ->
  (depth (dot_of w es) <= n)%nat.
Proof.
  induction w as [|w0 w IH]; intros [|e es] small; simpl; try lia.
  pose proof (small e (or_introl eq_refl)); pose proof (IH es (fun e i => small e (or_intror i)));
    lia.
Qed.

Lemma depth_rows_of n es W : (forall e, In e es -> (depth e <= n)%nat) ->
  forall b e, In e (rows_of W b es) -> (depth e <= n)%nat.
Proof.
  intro small; induction W as [|w W IH]; simpl; intros b e; [easy|].
  intros [<-|inside]; [simpl|exact (IH _ _ inside)].
  pose proof (depth_dot_of n w es small); lia.
Qed.

Lemma depth_run_of net : forall n es, (forall e, In e es -> (depth e <= n)%nat) ->
  forall e, In e (run_of net es) -> (depth e <= n + (length net - 1))%nat.
Proof.
  induction net as [|l net IH]; intros n es small e inside.
  - specialize (small e inside); lia.
  - destruct net as [|l' net].
    + pose proof (depth_rows_of n es _ small _ e inside); lia.
    + assert (next : (depth e <= S n + (length (l' :: net) - 1))%nat); [|simpl in *; lia].
      revert e inside; apply IH; intros e inside.
      apply in_map_iff in inside as (e' & <- & inside).
      pose proof (depth_rows_of n es _ small _ e' inside); simpl; lia.
Qed.

(** * Maximum, minimum and absolute value *)

Definition greater (e f : expression) := Sum f (Relu (Sum e (Scaled (-1) f))).
Definition lesser (e f : expression) := Sum e (Scaled (-1) (Relu (Sum e (Scaled (-1) f)))).
Definition absolute (e : expression) := Sum (Relu e) (Relu (Scaled (-1) e)).

Lemma relu_cases t : 0 <= t /\ relu t = t \/ t < 0 /\ relu t = 0.
Proof.
  destruct (Rle_or_lt 0 t); [left|right]; split; auto using relu_active.
  apply relu_inactive; lra.
Qed.

Lemma eval_greater x e f : eval x (greater e f) = Rmax (eval x e) (eval x f).
Proof.
  simpl; destruct (relu_cases (eval x e + -1 * eval x f)) as [[side ->]|[side ->]].
  - rewrite Rmax_left; lra.
  - rewrite Rmax_right; lra.
Qed.

Lemma eval_lesser x e f : eval x (lesser e f) = Rmin (eval x e) (eval x f).
Proof.
  simpl; destruct (relu_cases (eval x e + -1 * eval x f)) as [[side ->]|[side ->]].
  - rewrite Rmin_right; lra.
  - rewrite Rmin_left; lra.
Qed.

Lemma eval_absolute x e : eval x (absolute e) = Rabs (eval x e).
Proof.
  simpl; destruct (relu_cases (eval x e)) as [[side ->]|[side ->]].
  - rewrite relu_inactive, Rabs_right; lra.
  - rewrite relu_active, Rabs_left; lra.
Qed.
