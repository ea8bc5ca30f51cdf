(* A recurrence with a state of two neurons computes the parity of bits at every length. *)

Require Import List Reals QArith Qreals Lra Lia.
From Gallery Require Import Net NetFacts Fold ParityBits.
Import ListNotations.
Open Scope R_scope.

(** * What is stated *)

(* A recurrent layer reads its state and the next input and holds the next state, behind a ReLU. *)
Definition step (cell : layer R) (state : list R) (x : R) : list R :=
  map relu (apply cell (state ++ [x])).
Definition states (cell : layer R) (start x : list R) : list R := fold_left (step cell) x start.

(* The cell: with s = p - 2 q for the state (p, q), the next state is (relu(s + x),
   relu(s + x - 1)). Read off is s; it is 0 at the start. *)
Definition parity_cell : layer Q := Layer [[1; -(2); 1]; [1; -(2); 1]]%Q [0; -(1)]%Q.
Definition read_off : network Q := [Layer [[1; -(2)]] [0]]%Q.
Definition recurrent_parity (x : list R) : R :=
  output (real read_off) (states (real_layer parity_cell) [0; 0] x).

(** * The invariant *)

(* What is read off a state. *)
Definition said (state : list R) : R := output (real read_off) state.

Lemma said_two p q : said [p; q] = p - 2 * q.
Proof. unfold said, output; weights; lra. Qed.

(* A step folds the sum of what is said and the input. *)
Lemma step_two p q x : exists p' q', step (real_layer parity_cell) [p; q] x = [p'; q'] /\
  said [p'; q'] = fold 1 (said [p; q] + x).
Proof.
  exists (relu (p - 2 * q + x)), (relu (p - 2 * q + x - 1)); split.
  - unfold step; weights; same_entries.
  - rewrite !said_two; unfold fold; reflexivity.
Qed.

Lemma fold_bit (odd b : bool) :
  fold 1 ((if odd then 1 else 0) + bit b) = if xorb odd b then 1 else 0.
Proof.
  destruct odd, b; unfold bit, xorb; [rewrite fold_high by lra|rewrite fold_low by lra..]; lra.
Qed.

(* Wherever the state is: what is said at the end differs from the parity by at most what the start
   and the inputs differ from bits. *)
Lemma said_near delta x b : near delta x b -> forall p q (odd : bool),
  Rabs (said (states (real_layer parity_cell) [p; q] x)
    - if xorb odd (Nat.odd (ones b)) then 1 else 0)
  <= Rabs (said [p; q] - if odd then 1 else 0) + INR (length b) * delta.
Proof.
  induction 1 as [|x0 b0 x b first rest IH]; intros p q odd.
  - change (Rabs (said [p; q] - if xorb odd false then 1 else 0)
      <= Rabs (said [p; q] - if odd then 1 else 0) + 0 * delta).
    replace (xorb odd false) with odd by (destruct odd; reflexivity); lra.
  - destruct (step_two p q x0) as (p' & q' & next & folded).
    change (states _ [p; q] (x0 :: x))
      with (states (real_layer parity_cell) (step (real_layer parity_cell) [p; q] x0) x).
    rewrite next.
    replace (xorb odd (Nat.odd (ones (b0 :: b)))) with (xorb (xorb odd b0) (Nat.odd (ones b))).
    2: { unfold ones; destruct b0; simpl count_occ; rewrite ?Nat.odd_succ, <- ?Nat.negb_odd;
         destruct odd, (Nat.odd _); reflexivity. }
    eapply Rle_trans; [apply IH|].
    change (length (b0 :: b)) with (S (length b)); rewrite S_INR, Rmult_plus_distr_r, Rmult_1_l.
    rewrite folded, <- fold_bit.
    pose proof (fold_distance 1 (said [p; q] + x0) ((if odd then 1 else 0) + bit b0) ltac:(lra)).
    replace (said [p; q] + x0 - _) with ((said [p; q] - if odd then 1 else 0) + (x0 - bit b0))
      in * by ring.
    pose proof (Rabs_triang (said [p; q] - if odd then 1 else 0) (x0 - bit b0)); lra.
Qed.

(** * The theorem *)

(* For bits b of every length the recurrence computes their parity exactly, and at inputs that are
   each within delta of a bit it is within (length of b) delta of it. *)
Theorem parity_recurrent (b : list bool) :
  recurrent_parity (map bit b) = parity (ones b) /\
  (forall delta x, near delta x b ->
    Rabs (recurrent_parity x - parity (ones b)) <= INR (length b) * delta).
Proof.
  assert (all : forall delta x, near delta x b ->
    Rabs (recurrent_parity x - parity (ones b)) <= INR (length b) * delta).
  { intros delta x close; pose proof (said_near delta x b close 0 0 false) as found.
    rewrite said_two in found; replace (0 - 2 * 0 - 0) with 0 in found by ring.
    rewrite Rabs_R0, Rplus_0_l, Bool.xorb_false_l in found; exact found. }
  split; [|exact all].
  assert (close : near 0 (map bit b) b).
  { clear all; induction b as [|b0 b' IH]; constructor; [rewrite Rminus_eq_0, Rabs_R0; lra|exact
    IH]. }
  apply all in close; rewrite Rmult_0_r in close.
  apply Rminus_diag_uniq; destruct (Req_dec (recurrent_parity (map bit b) - parity (ones b)) 0)
    as [zero|other]; [exact zero|apply Rabs_pos_lt in other; lra].
Qed.
