(** The statement says what is meant: small networks computed, and every assignment of the inputs extends
    to a run, so that no theorem about runs is empty. Nothing in the proof of the checker rests on this. *)
From Coq Require Import ZArith QArith Qreals Reals List Bool Arith Lia Lra.
From Flocq Require Import Core.
From Kernel Require Import Statement.
Import ListNotations.
Open Scope R_scope.

(** * Every assignment of the inputs extends to a run *)

(** What a node computes where an affine node makes no error. *)
Definition output (n : node) (x : state) (k i : nat) : R :=
  match n with
  | Input _ => x k i
  | Affine _ terms bias divisor _ =>
      (total (fun a => a) terms x i + F2R (get bias i)) / divided divisor i
  | Piecewise s f => match nth_error f i with Some g => pwl_value g (x s i) | None => 0 end
  | Sign _ s => sign (x s i)
  | Square _ s => x s i * x s i
  | Product _ s t => x s i * x t i
  | Smooth _ s f => smooth_value f (x s i)
  end.
Definition assign (x : state) (k : nat) (v : nat -> R) : state :=
  fun k' => if Nat.eqb k' k then v else x k'.
(** [net] stands from node k on; x has the values before it, and those of the inputs. *)
Fixpoint extend (net : network) (k : nat) (x : state) : state :=
  match net with
  | [] => x
  | n :: rest => extend rest (S k) (assign x k (output n x k))
  end.

Lemma assign_other : forall x k v k', k' <> k -> assign x k v k' = x k'.
Proof. intros x k v k' H. unfold assign. now rewrite (proj2 (Nat.eqb_neq k' k) H). Qed.
Lemma assign_same : forall x k v, assign x k v k = v.
Proof. intros. unfold assign. now rewrite Nat.eqb_refl. Qed.
Lemma extend_before : forall net k x k', (k' < k)%nat -> extend net k x k' = x k'.
Proof.
  induction net as [|n net IH]; intros k x k' H; simpl; auto.
  rewrite IH by lia. apply assign_other. lia.
Qed.

Definition sources (n : node) : list nat :=
  match n with
  | Input _ => []
  | Affine _ terms _ _ _ => map source terms
  | Piecewise s _ | Sign _ s | Square _ s | Smooth _ s _ => [s]
  | Product _ s t => [s; t]
  end.
Lemma reads_before : forall sizes s m, reads sizes s m = true -> (s < length sizes)%nat.
Proof. unfold reads. intros sizes s m H. apply andb_prop in H. now apply Nat.ltb_lt. Qed.
Lemma sources_before : forall sizes n, node_fits sizes n = true ->
  forall s, In s (sources n) -> (s < length sizes)%nat.
Proof.
  intros sizes n H s. destruct n as [m|m terms bias d r|s' f|m s'|m s'|m l r|m s' f]; simpl in H |- *.
  - contradiction.
  - rewrite !andb_true_iff in H. destruct H as [[[H _] _] _].
    rewrite in_map_iff. intros [t [<- I]]. rewrite forallb_forall in H. specialize (H t I).
    apply andb_prop in H. destruct H as [H _]. now apply reads_before in H.
  - apply andb_prop in H. destruct H as [H _]. intros I. destruct I as [<-|[]]. eapply reads_before; eauto.
  - intros I. destruct I as [<-|[]]. eapply reads_before; eauto.
  - intros I. destruct I as [<-|[]]. eapply reads_before; eauto.
  - apply andb_prop in H. destruct H as [A B].
    intros I. destruct I as [<-|[<-|[]]]; eapply reads_before; eassumption.
  - intros I. destruct I as [<-|[]]. eapply reads_before; eauto.
Qed.

Lemma sum_same : forall n f g, (forall i, f i = g i) -> sum n f = sum n g.
Proof. induction n as [|n IH]; intros f g H; simpl; auto. now rewrite (IH f g), H. Qed.
Lemma total_same : forall g terms x y i, (forall s, In s (map source terms) -> x s = y s) ->
  total g terms x i = total g terms y i.
Proof.
  induction terms as [|t terms IH]; intros x y i H; simpl; auto. f_equal.
  - apply sum_same. intros j. now rewrite (H (source t)) by (now left).
  - apply IH. intros s I. apply H. now right.
Qed.
Lemma computes_same : forall n x y k i, (forall s, In s (sources n) -> x s = y s) -> x k = y k ->
  computes n x k i -> computes n y k i.
Proof.
  intros n x y k i H K. destruct n as [m|m terms bias d r|s f|m s|m s|m l r|m s f]; simpl in *; auto;
    rewrite <- ?K, <- ?(H s) by (now left); auto.
  - now rewrite <- !(total_same _ terms x y) by auto.
  - now rewrite <- (H l), <- (H r) by auto.
Qed.

Lemma output_same : forall n x y k i, (forall s, In s (sources n) -> x s = y s) ->
  y k i = output n x k i -> output n x k i = output n y k i.
Proof.
  intros n x y k i H K. destruct n as [m|m terms bias d r|s f|m s|m s|m l r|m s f]; simpl in *; auto;
    rewrite <- ?(H s) by (now left); auto.
  - now rewrite (total_same _ terms x y) by auto.
  - now rewrite <- (H l), <- (H r) by auto.
Qed.

Lemma sum_nonneg : forall n f, (forall i, 0 <= f i) -> 0 <= sum n f.
Proof. induction n as [|n IH]; intros f H; simpl; [lra|]. specialize (IH f H). specialize (H n). lra. Qed.
Lemma total_nonneg : forall terms x i, 0 <= total Rabs terms x i.
Proof.
  induction terms as [|t terms IH]; intros x i; simpl; [lra|]. specialize (IH x i).
  pose proof (sum_nonneg (inputs t) (fun j => Rabs (F2R (entry (operation t) i j)) * Rabs (x (source t) j))
    (fun j => Rmult_le_pos _ _ (Rabs_pos _) (Rabs_pos _))). lra.
Qed.
Lemma divided_pos : forall d i, 0 < divided d i.
Proof. intros [d|] i; simpl; [now apply IZR_lt | lra]. Qed.
Lemma get_nonneg : forall r i, forallb (fun a => 0 <=? Fnum a)%Z r = true -> 0 <= F2R (get r i).
Proof.
  intros r i H. assert (D : In (get r i) r \/ get r i = zero)
    by (destruct (nth_in_or_default i r zero); [left|right]; assumption).
  destruct D as [I|E].
  - rewrite forallb_forall in H. apply H, Z.leb_le in I. now apply F2R_ge_0.
  - rewrite E. unfold F2R; simpl. lra.
Qed.
Lemma output_computes : forall sizes n x k i, node_fits sizes n = true -> x k i = output n x k i ->
  computes n x k i.
Proof.
  intros sizes n x k i F K.
  destruct n as [m|m terms bias d r|s f|m s|m s|m l r|m s f]; simpl in *; auto.
  - rewrite K, Rminus_eq_0, Rabs_R0. apply Rmult_le_pos.
    + rewrite !andb_true_iff in F. destruct F as [_ F]. destruct r as [r|]; simpl; [|lra].
      rewrite andb_true_iff in F. destruct F as [_ F]. now apply get_nonneg.
    + pose proof (divided_pos d i) as D. apply Rmult_le_pos.
      * pose proof (total_nonneg terms x i). pose proof (Rabs_pos (F2R (get bias i))). lra.
      * left. now apply Rinv_0_lt_compat.
  - intros g N. now rewrite K, N.
Qed.

Lemma extend_run : forall net sizes x, all_fit sizes net = true ->
  forall j n, nth_error net j = Some n ->
  forall i, computes n (extend net (length sizes) x) (length sizes + j) i.
Proof.
  induction net as [|n net IH]; intros sizes x F j m N i; [destruct j; discriminate|].
  simpl in F. apply andb_prop in F. destruct F as [F1 F2]. simpl extend.
  set (y := assign x (length sizes) (output n x (length sizes))).
  assert (L : length (sizes ++ [size n]) = S (length sizes)) by (rewrite app_length; simpl; lia).
  destruct j as [|j]; simpl in N.
  - injection N as <-. rewrite Nat.add_0_r.
    assert (S0 : forall s, In s (sources n) -> x s = y s).
    { intros s I. unfold y. rewrite assign_other; auto.
      pose proof (sources_before _ _ F1 s I). lia. }
    apply (computes_same n y).
    + intros s I. rewrite extend_before; auto. pose proof (sources_before _ _ F1 s I). lia.
    + now rewrite extend_before by lia.
    + apply (output_computes sizes); auto. unfold y at 1. rewrite assign_same.
      apply (output_same n x y); auto. unfold y. now rewrite assign_same.
  - specialize (IH (sizes ++ [size n]) y F2 j m N i). rewrite L in IH.
    now rewrite Nat.add_succ_r.
Qed.

Theorem every_assignment_extends : forall net, well_formed net = true ->
  forall x, exists y, run net y /\
  forall k m, nth_error net k = Some (Input m) -> forall i, y k i = x k i.
Proof.
  intros net F x. exists (extend net 0 x). split.
  - intros k n N i _. apply (extend_run net [] x F k n N i).
  - assert (G : forall net j x k m, nth_error net k = Some (Input m) ->
      forall i, extend net j x (j + k)%nat i = x (j + k)%nat i).
    { clear. induction net as [|n net IH]; intros j x k m N i; [destruct k; discriminate|].
      destruct k as [|k]; simpl in N.
      - injection N as ->. simpl. rewrite Nat.add_0_r, extend_before, assign_same by lia. reflexivity.
      - simpl. rewrite Nat.add_succ_r. rewrite (IH (S j) _ k m N i), assign_other by lia. reflexivity. }
    intros k m N i. apply (G net 0%nat x k m N i).
Qed.

(** * Small networks *)

Definition int (z : Z) : dyadic := Float radix2 z 0.
Lemma int_ok : forall z, F2R (int z) = IZR z.
Proof. intros. unfold F2R; simpl. lra. Qed.

(** max(0, y), and the clamp to [0, 1], as they are written. *)
Definition relu : pwl := Pwl (int 0) (int 0) (int 0) (int 1) [].
Lemma relu_ok : forall y, pwl_value relu y = Rmax 0 y.
Proof.
  intros y. unfold pwl_value, Rmax; cbn [left knot anchor right more behind relu]. rewrite !int_ok.
  destruct (Rle_dec y 0), (Rle_dec 0 y); lra.
Qed.
Definition clamp : pwl := Pwl (int 0) (int 0) (int 0) (int 1) [(int 1, int 0)].
Lemma clamp_ok : forall y, pwl_value clamp y = Rmin 1 (Rmax 0 y).
Proof.
  intros y. unfold pwl_value, Rmax, Rmin; cbn [left knot anchor right more behind clamp].
  rewrite !int_ok.
  destruct (Rle_dec y 0), (Rle_dec 0 y), (Rle_dec y 1); destruct (Rle_dec 1 _); lra.
Qed.

(** A dense weight [[1, 2], [3, 4]] on two rows of two numbers, row by row. *)
Example dense_entries :
  let op := Dense 2 2 (map int [1; 2; 3; 4]%Z) in
  map (fun i => map (entry op i) [0; 1; 2; 3]%nat) [0; 1; 2; 3]%nat =
  map (map int) [[1; 2; 0; 0]; [3; 4; 0; 0]; [0; 0; 1; 2]; [0; 0; 3; 4]]%Z.
Proof. reflexivity. Qed.
(** A selection with a zero in it. *)
Example gather_entries :
  let op := Gather [Some 2; None; Some 0]%nat (map int [5; 6; 7]%Z) in
  map (fun i => map (entry op i) [0; 1; 2]%nat) [0; 1; 2]%nat =
  map (map int) [[0; 0; 5]; [0; 0; 0]; [7; 0; 0]]%Z.
Proof. reflexivity. Qed.
(** A kernel (1, 2, 3) along 4 numbers, stride 2, one zero before: o_0 = 2 x_0 + 3 x_1 and
    o_1 = x_1 + 2 x_2 + 3 x_3. *)
Example convolution_entries :
  let op := Conv (Convolution [1; 4]%nat [1; 2]%nat [3]%nat 1 [1]%nat [2]%nat [1]%nat (map int [1; 2; 3]%Z)) in
  map (fun i => map (entry op i) [0; 1; 2; 3]%nat) [0; 1]%nat =
  map (map int) [[2; 3; 0; 0]; [0; 1; 2; 3]]%Z.
Proof. reflexivity. Qed.
(** Two groups: channel 0 is taken 5 times by output 0, channel 1 seven times by output 1; dilation 2 on a
    length of 3 makes the taps the first and the last number. *)
Example group_entries :
  let op := Conv (Convolution [2; 3]%nat [2; 1]%nat [2]%nat 2 [0]%nat [1]%nat [2]%nat
    (map int [5; 6; 7; 8]%Z)) in
  map (fun i => map (entry op i) [0; 1; 2; 3; 4; 5]%nat) [0; 1]%nat =
  map (map int) [[5; 0; 6; 0; 0; 0]; [0; 0; 0; 7; 0; 8]]%Z.
Proof. reflexivity. Qed.
(** Two axes: a 2 x 2 kernel on 2 x 3 numbers. *)
Example plane_entries :
  let op := Conv (Convolution [1; 2; 3]%nat [1; 1; 2]%nat [2; 2]%nat 1 [0; 0]%nat [1; 1]%nat [1; 1]%nat
    (map int [1; 2; 3; 4]%Z)) in
  map (fun i => map (entry op i) [0; 1; 2; 3; 4; 5]%nat) [0; 1]%nat =
  map (map int) [[1; 2; 0; 3; 4; 0]; [0; 1; 2; 0; 3; 4]]%Z.
Proof. reflexivity. Qed.

(** |x| = relu x + relu (- x) *)
Definition absolute : network :=
  [Input 1;
   Affine 2 [Term 0 1 (Dense 2 1 (map int [1; -1]%Z))] [zero; zero] None None;
   Piecewise 1 [relu; relu];
   Affine 1 [Term 2 2 (Dense 1 2 (map int [1; 1]%Z))] [zero] None None].
Lemma rabs_zero : forall a b r, Rabs (a - b) <= 0 * r -> a = b.
Proof.
  intros a b r H. destruct (Req_dec (a - b) 0) as [Z|Z]; [lra|]. apply Rabs_pos_lt in Z. lra.
Qed.
Example absolute_computes : forall x, run absolute x -> x 3%nat 0%nat = Rabs (x 0%nat 0%nat).
Proof.
  intros x H.
  pose proof (H 1%nat _ eq_refl 0%nat ltac:(simpl; lia)) as A.
  pose proof (H 1%nat _ eq_refl 1%nat ltac:(simpl; lia)) as B.
  pose proof (H 2%nat _ eq_refl 0%nat ltac:(simpl; lia) relu eq_refl) as C.
  pose proof (H 2%nat _ eq_refl 1%nat ltac:(simpl; lia) relu eq_refl) as D.
  pose proof (H 3%nat _ eq_refl 0%nat ltac:(simpl; lia)) as E.
  clear H. unfold computes in A, B, E. apply rabs_zero in A, B, E.
  rewrite relu_ok in C, D. rewrite E. cbn -[F2R]. rewrite C, D, A, B.
  simpl. unfold get, F2R; simpl. generalize (x 0%nat 0%nat). intros y. unfold Rabs, Rmax.
  destruct (Rcase_abs y);
    repeat match goal with |- context [Rle_dec 0 ?a] => destruct (Rle_dec 0 a) end; lra.
Qed.
Example absolute_fits : well_formed absolute = true.
Proof. reflexivity. Qed.
Example backwards_does_not : well_formed (rev absolute) = false.
Proof. reflexivity. Qed.

(** A divisor and a radius: y is within 1/4 (|x| + 1) / 2 of (x + 1) / 2. *)
Example radius_is_around : forall x,
  run [Input 1; Affine 1 [Term 0 1 (Dense 1 1 [int 1])] [int 1] (Some [2%positive])
         (Some [Float radix2 1 (-2)])] x ->
  Rabs (x 1%nat 0%nat - (x 0%nat 0%nat + 1) / 2) <= / 4 * ((Rabs (x 0%nat 0%nat) + 1) / 2).
Proof.
  intros x H. pose proof (H 1%nat _ eq_refl 0%nat ltac:(simpl; lia)) as A. clear H.
  unfold computes in A. cbn -[F2R] in A. unfold F2R in A; simpl in A.
  rewrite !Rmult_1_r, Rabs_R1 in A.
  replace (0 + 1 * x 0%nat 0%nat + 0 + 1) with (x 0%nat 0%nat + 1) in A by lra.
  replace (0 + 1 * Rabs (x 0%nat 0%nat) + 0 + 1) with (Rabs (x 0%nat 0%nat) + 1) in A by lra.
  change (Z.pow_pos 2 2) with 4%Z in A. rewrite Rmult_1_l in A. exact A.
Qed.
Example sign_of_zero : sign 0 = 0.
Proof. unfold sign. destruct (Rlt_dec 0 0); lra. Qed.

(** A violation, and a query without one. *)
Definition at_least_two (box : Q * Q) : query :=
  Query [(0%nat, [box])] [] [] (And [Is (Atom [(-1 # 1, (3, 0)%nat)] (2 # 1) AtMost)]).
Example violated : exists x, violates absolute (at_least_two (-3 # 1, 1 # 1)%Q) x.
Proof.
  destruct (every_assignment_extends absolute eq_refl (fun _ _ => -3)) as [y [R E]].
  exists y. split; [exact R|]. pose proof (E 0%nat 1%nat eq_refl 0%nat) as V.
  pose proof (absolute_computes y R) as O. rewrite V in O.
  repeat split; simpl; try tauto.
  - destruct H as [[= <- <-]|[]]. destruct i as [|[|i]]; try discriminate.
    injection H0 as <- <-. rewrite V. unfold Q2R; simpl; lra.
  - destruct H as [[= <- <-]|[]]. destruct i as [|[|i]]; try discriminate.
    injection H0 as <- <-. rewrite V. unfold Q2R; simpl; lra.
  - unfold atom_holds, linear; simpl. rewrite O. unfold Q2R, Rabs; simpl.
    destruct (Rcase_abs (-3)); lra.
Qed.
Example not_violated : forall x, ~ violates absolute (at_least_two (-1 # 1, 1 # 1)%Q) x.
Proof.
  intros x [R [B [_ [_ [U _]]]]]. pose proof (absolute_computes x R) as O.
  pose proof (B 0%nat _ (or_introl eq_refl) 0%nat _ _ eq_refl) as [L H].
  unfold Q2R in L, H; simpl in L, H.
  assert (W : Q2R (-1 # 1) * x 3%nat 0%nat + Q2R (2 # 1) <= 0) by exact U.
  rewrite O in W. revert W. unfold Q2R, Rabs; simpl. destruct (Rcase_abs _); lra.
Qed.
