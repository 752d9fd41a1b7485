/*
 * video.h - an AVC or HEVC elementary stream, access unit by access unit: its
 * parameter sets, what they say, where a player may start, what captions it has.
 *
 * Spec     ITU-T H.264 7.3, 7.4, Annexes D, E; H.265 7.3, 7.4, Annexes D, E;
 *          ISO/IEC 14496-15 5.3.3.1 (avcC), 8.3.3.1 (hvcC); RFC 6381 3.3 and
 *          14496-15 Annex E (codec strings).
 * Shape    One access unit a call, as tsdemux.h gives it: Annex B.
 * Memory   video_free() gives all back; struct video_unit borrows the unit and
 *          the video until the next call.  The steady state allocates nothing.
 * Threads  One struct video belongs to one thread.
 * Errors   -EBADMSG damaged, -ENOMEM, -ENODATA no parameter sets yet, -ENOTSUP,
 *          -ENOSPC.
 */
#ifndef VIDEO_H
#define VIDEO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/rational.h"
#include "lib/media/captions.h"
#include "lib/media/codec.h"
#include "lib/media/hdr.h"
#include "lib/media/nal.h"

#define VIDEO_CODEC_STRING	64
#define VIDEO_CONFIG_MAX	65536	/* an avcC or hvcC record of ours */
#define VIDEO_TRIPLETS	124		/* of captions in a unit: two fields, and more */

/* What the SPS in use says. */
struct video_format {
	enum codec codec;
	unsigned width, height;			/* luma samples, after cropping */
	unsigned coded_width, coded_height;
	struct rational sar;			/* {0, 0}: not said */
	struct rational frame_rate;		/* frames a second; {0, 0}: not said */
	bool	 fixed_frame_rate;
	bool	 interlaced;			/* pictures may be fields */
	uint8_t	 profile_idc, level_idc, compat;	/* AVC: constraint flags */
	uint8_t	 chroma_format_idc;		/* 0 grey, 1 4:2:0, 2 4:2:2, 3 4:4:4 */
	uint8_t	 bit_depth, bit_depth_chroma;
	uint8_t	 colour_primaries, transfer_characteristics, matrix_coefficients;
	bool	 full_range;			/* 2, 2, 2, false: not said */
	int	 reorder;			/* max_num_reorder; -1: not said */
	char	 codec_string[VIDEO_CODEC_STRING];	/* avc1.64001f, hvc1.1.6.L93.B0 */
};

enum video_access {
	VIDEO_NO_ACCESS,	/* needs pictures before it */
	VIDEO_RECOVERY,		/* recovery point: right after some pictures */
	VIDEO_OPEN,		/* SAP 3: CRA, BLA_W_LP, AVC with a recovery point of */
				/* 0, or I pictures behind an SPS; pictures that are */
				/* shown before it may be broken */
	VIDEO_IDR,		/* SAP 1 or 2 (other BLA too): all from here on decodes */
};

struct video_unit {
	bool	 picture;		/* has slices; else only what is around them */
	enum video_access access;
	bool	 intra;			/* all slices are I; not looked for in HEVC */
	bool	 reference;
	bool	 leading;		/* HEVC RASL: undecodable after a random access */
	bool	 has_params;		/* carries parameter sets */
	bool	 changed;		/* video_config_put() says other than before it */
	bool	 end_of_sequence;
	unsigned recovery_frames;	/* of the recovery point, when there is one */
	struct captions captions;
	const uint8_t *cc_data;	/* its triplets, captions.h */
	unsigned cc_count;
	const struct nal *nal;
	unsigned nnal;
};

struct video_set;			/* a parameter set: private */

struct video {
	struct video_format format;	/* width 0: none yet */
	struct captions captions;	/* all that were seen; the caller may clear */
	struct hdr hdr;			/* what was said last, for this kind of light */
	unsigned length_size;		/* of the record given, else 4 */
	uint64_t bad_sets;		/* parameter sets that could not be read */
	/* private: */
	struct video_set *set;
	unsigned nset, active_sps;
	bool	 news;			/* sets have come that no unit has reported */
	uint8_t	 cc_data[VIDEO_TRIPLETS * 3];
	struct nal *nal;
	unsigned nal_size;
};

void video_init(struct video *v, enum codec codec);	/* AVC or HEVC */
void video_free(struct video *v);

/*
 * Read one access unit.  damaged: packets are missing, so a parameter set in it
 * does not replace one that is known.  Returns 0 and fills *u, or -ENOMEM; a
 * unit of junk is one without picture.
 */
int video_unit(struct video *v, const uint8_t *p, size_t len, bool damaged,
    struct video_unit *u);

/* Is there a random access point a segment may start with (IDR or open)? */
static inline bool
video_sync(const struct video_unit *u)
{
	return u->access >= VIDEO_OPEN;
}

/* The unit as a sample: its 4-byte prefixed length, and the bytes into out. */
size_t video_sample_len(const struct video *v, const struct video_unit *u,
    unsigned drop);
void video_sample_put(const struct video *v, const struct video_unit *u,
    unsigned drop, uint8_t *out);

/* The avcC or hvcC record.  Returns its length, -ENODATA or -ENOSPC. */
int video_config_put(const struct video *v, uint8_t *p, size_t size);

/* Take parameter sets and length_size from a record (extradata of a file). */
int video_config_parse(struct video *v, const uint8_t *p, size_t len);

/*
 * A sample with length prefixes (v->length_size) as an Annex B access unit: an
 * access unit delimiter, the parameter sets if with_sets and the sample has none
 * itself, and the sample without its own delimiter.  out may be NULL to learn
 * the length.  Returns the length, -EBADMSG or -ENOSPC.
 */
int64_t video_annexb_put(const struct video *v, const uint8_t *sample, size_t len,
    bool with_sets, uint8_t *out, size_t size);

#endif
