/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IKE SAs after a suspect takeover (R10). The former owner may have gone on without us: used the
 * message ids that come next here, and answered the peer's next requests. What we would say under
 * the same ids would be other messages (RFC 7296 2.1, law 3), an empty INFORMATIONAL too. So such an
 * SA repeats byte for byte what is recorded, takes the answer to that, and says and answers nothing
 * else. With RFC 6311 the two ends then agree on their ids. Without it another IKE SA is set up
 * beside it, and its first message from us that holds INITIAL_CONTACT ends this one at the peer.
 *
 * It is the SA that is in doubt, not its owner: the next owner takes the doubt over with the
 * records, however fresh its own are. An SA is in doubt until a record of it says otherwise that is
 * not older than the newest suspect takeover.
 */
#include "ike/v2.h"

static uint64_t ids_term(const struct ike_sa_state *s)
{
	return s->ids_term > s->birth_term ? s->ids_term : s->birth_term;
}

bool ike_sa_in_doubt(const struct ike_sa *sa)
{
	return sa->s.stage >= IKE_SA_INIT_ANSWERED && sa->s.stage != IKE_SA_DEAD &&
	       ids_term(&sa->s) < sa->e->suspect_term;
}

void ike_sa_doubt_ended(struct ike_sa *sa)
{
	sa->s.ids_term = sa->e->term;
	ike_sa_touch(sa);
}

static void begin_anew(struct ike_sa *sa, uint64_t at_ms)
{
	if (!sa->s.anew)
		sa->e->stats.in_doubt_anew++;
	sa->s.anew = true;
	sa->s.rekey_at_ms = at_ms;
	ike_sa_touch(sa);
	ike_life_arm(sa);
}

void ike_sa_doubt_begin(struct ike_sa *sa, uint64_t at_ms)
{
	sa->suspect = true;
	if (sa->s.peer_mid_sync)
		v2_msgid_sync_want(sa, at_ms);
	else if (sa->s.closing)
		ike_sa_close_in_doubt(sa, "in doubt after a suspect takeover");
	else
		begin_anew(sa, at_ms);
}

void ike_sa_close_in_doubt(struct ike_sa *sa, const char *reason)
{
	if (sa->s.stage == IKE_SA_ESTABLISHED && !sa->s.closing)
		ike_sa_down(sa, reason);
	v2_enter_event(sa, V2_CLOSED);
}
