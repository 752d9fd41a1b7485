/*
 * captions.h - CEA-608 and 708 captions in the SEI messages of video.
 *
 * Spec     ANSI/CTA-708 (DTVCC: 5 packets, 6 services), ANSI/CTA-608 (control
 *          codes), ATSC A/53 part 4 6.2.3 (user_data 'GA94', cc_data), ITU-T T.35;
 *          H.264 and H.265 Annex D, user_data_registered_itu_t_t35.
 * Memory   Nothing allocates; cc_data borrows.
 * Errors   -ENOENT there are none, -EBADMSG damaged.
 */
#ifndef CAPTIONS_H
#define CAPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct captions {
	uint8_t	 cc;		/* bit 0..3: CC1 to CC4 have shown control codes */
	uint64_t services;	/* bit n: 708 service n (1..63) has shown text */
};

#define CAPTIONS_CC1	1
#define CAPTIONS_CC2	2
#define CAPTIONS_CC3	4
#define CAPTIONS_CC4	8

/*
 * The cc_data triplets in an SEI NAL unit's payload (after its header and without
 * emulation prevention): 3 bytes each, cc_valid and cc_type in the first.  Call
 * with *pos = 0 and again until -ENOENT: there may be several messages.
 */
int captions_find(const uint8_t *sei, size_t len, size_t *pos,
    const uint8_t **cc_data, unsigned *cc_count);

/* Add what the triplets show. */
void captions_note(struct captions *c, const uint8_t *cc_data, unsigned cc_count);

#endif
