(* Folding at 2^(d-1), ..., 2, 1 leaves the parity of an integer. *)

Require Import List Reals QArith Qreals Lra Lia.
From Gallery Require Import Net NetFacts.
Import ListNotations.
Open Scope R_scope.

(** * What is to be believed *)

(* The fold at h, and the folds at 2^(d-1), ..., 2, 1 in turn. *)
Definition fold (h t : R) : R := relu t - 2 * relu (t - h).
Fixpoint folds (d : nat) (t : R) : R :=
  match d with
  | O => t
  | S d' => folds d' (fold (2 ^ d') t)
  end.

(* The layers that compute them of Σ read_i x_i. *)
Fixpoint fold_net (d : nat) (read : list Q) : network Q :=
  match d with
  | O => [Layer [read] [0]]%Q
  | S d' => Layer [read; read] [0; - inject_Z (2 ^ Z.of_nat d')]%Q :: fold_net d' [1; -(2)]%Q
  end.

(* 1 for odd numbers, 0 for even ones. *)
Definition parity (n : nat) : R := if Nat.odd n then 1 else 0.

(** * What follows *)

Lemma fold_net_run d : forall read x,
  run (real (fold_net d read)) x = [folds d (dot (map Q2R read) x)].
Proof.
  induction d as [|d IH]; intros read x.
  - change ([dot (map Q2R read) x + Q2R 0] = [dot (map Q2R read) x]); f_equal; unfold Q2R; simpl;
    ring.
  - set (t := dot (map Q2R read) x).
    set (row := [1; -(2)]%Q).
    assert (step : map relu (apply (real_layer (Layer [read; read]
      [0; - inject_Z (2 ^ Z.of_nat d)]%Q)) x)
      = [relu t; relu (t - 2 ^ d)]).
    { unfold apply; simpl; fold t; rewrite Q2R_opp, Q2R_integer, pow_IZR.
      unfold Q2R; simpl; same_entries. }
    change (real (fold_net (S d) read)) with
      (real_layer (Layer [read; read] [0; - inject_Z (2 ^ Z.of_nat d)]%Q) :: real (fold_net d row)).
    assert (rest : run (real (fold_net d row)) [relu t; relu (t - 2 ^ d)] = [folds (S d) t]).
    { rewrite IH; simpl folds; do 2 f_equal; unfold row, fold; weights; lra. }
    rewrite <- rest, <- step; destruct d; reflexivity.
Qed.

Lemma fold_low h t : 0 <= t <= h -> fold h t = t.
Proof. intro; unfold fold; rewrite relu_active, relu_inactive; lra. Qed.

Lemma fold_high h t : 0 <= h <= t -> fold h t = 2 * h - t.
Proof. intro; unfold fold; rewrite !relu_active; lra. Qed.

(* Slopes 1 and -1, and 0 below 0: distances do not grow. *)
Lemma fold_distance h s t : 0 <= h -> Rabs (fold h s - fold h t) <= Rabs (s - t).
Proof.
  intro; unfold fold, relu, Rmax.
  destruct (Rle_dec 0 s), (Rle_dec 0 t), (Rle_dec 0 (s - h)), (Rle_dec 0 (t - h));
    unfold Rabs; destruct (Rcase_abs _), (Rcase_abs _); lra.
Qed.

Lemma folds_distance d : forall s t, Rabs (folds d s - folds d t) <= Rabs (s - t).
Proof.
  induction d as [|d IH]; intros s t; simpl; [lra|].
  eapply Rle_trans; [apply IH|apply fold_distance, pow_le; lra].
Qed.

(* On 0, ..., 2^d the folds compute the parity. *)
Lemma folds_parity d : forall n, (n <= 2 ^ d)%nat -> folds d (INR n) = parity n.
Proof.
  induction d as [|d IH]; intros n below; simpl folds.
  - destruct n as [|[|n]]; [reflexivity|reflexivity|simpl in below; lia].
  - assert (power : INR (2 ^ d) = 2 ^ d) by (rewrite pow_INR; reflexivity).
    assert (0 <= 2 ^ d) by (apply pow_le; lra).
    rewrite Nat.pow_succ_r' in below.
    destruct (Nat.le_ge_cases n (2 ^ d)) as [low|high].
    + rewrite fold_low; [apply IH; assumption|].
      split; [apply pos_INR|rewrite <- power; apply le_INR; assumption].
    + rewrite fold_high; [|split; [assumption|rewrite <- power; apply le_INR; assumption]].
      replace (2 * 2 ^ d - INR n) with (INR (2 * 2 ^ d - n)).
      * rewrite IH by lia; unfold parity; rewrite Nat.odd_sub, Nat.odd_mul by lia.
        destruct (Nat.odd n); reflexivity.
      * rewrite minus_INR, mult_INR, power by lia; reflexivity.
Qed.
