/*
 * audio_parse.h - what audio.c asks of each format: private to it.
 *
 * Spec     As audio.h.
 * Memory   Nothing allocates.
 */
#ifndef AUDIO_PARSE_H
#define AUDIO_PARSE_H

#include "lib/media/audio.h"

struct audio_header {
	size_t	 len;			/* of the whole frame */
	size_t	 raw_off;		/* of its raw form, or 0 */
	bool	 no_raw;
	uint32_t samples, trim_start, trim_end;
	unsigned parts;
	struct audio_info info;
};

/*
 * Read the header of the frame at the front of p[0..len).  end: no more will come
 * for now, what ends here may be complete.  Returns 1 and fills *h; 0: p must be
 * longer; -1: no frame begins here.  h->len may be more than len.
 */
int aac_header(const struct audio *a, const uint8_t *p, size_t len, bool end,
    struct audio_header *h);
int ac3_header(const struct audio *a, const uint8_t *p, size_t len, bool end,
    struct audio_header *h);
int mpa_header(const struct audio *a, const uint8_t *p, size_t len, bool end,
    struct audio_header *h);
int opus_header(const struct audio *a, const uint8_t *p, size_t len, bool end,
    struct audio_header *h);

/* channel_config_code of the Opus descriptor, or -ENOTSUP. */
int opus_code_of(const uint8_t *desc, size_t desc_len);

int ac3_parse_config(enum codec codec, const uint8_t *p, size_t len,
    struct audio_info *info);
int opus_parse_config(const uint8_t *p, size_t len, struct audio_info *info);

#endif
