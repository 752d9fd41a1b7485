/*
 * coder.h - one interface to libx264 and libx265.
 *
 * A picture goes in, access units come out, later and in coding order.  Every
 * IDR is decided by the caller: the encoders run with an endless GOP and without
 * scene cuts, so a forced IDR never shifts the cadence.
 *
 * Units    pts and dts count pictures of the rung; CRF and QP are in thousandths.
 * Memory   A unit borrows the encoder until the next call.
 * Threads  One coder belongs to one thread.
 * Errors   -EINVAL the encoder refuses its parameters, -EIO it failed.
 */
#ifndef ENCODE_CODER_H
#define ENCODE_CODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libavutil/frame.h>

#include "encode/level.h"
#include "encode/options.h"
#include "encode/timecode.h"

/* What an encoder has to know of the pictures: all of one format. */
struct coder_format {
	int	 width, height;
	enum AVPixelFormat format;
	struct rational rate;
	int	 primaries, transfer, matrix;	/* as in H.273; 2 unspecified */
	int	 threads;
	unsigned max_cll, max_fall;		/* 0: not said */
	char	 mastering[128];		/* as x265 reads it; "" not said */
	bool	 timecode;		/* pictures have one */
	bool	 told;			/* what is wrong with it has been said */
};

/* What the rate control is told, of which some changes while it runs. */
struct coder_rate {
	int64_t	 mean;			/* bit/s; not of QVBR */
	int64_t	 most, buffer;		/* VBV, bit/s and bits */
	int64_t	 fill;			/* of the buffer at the beginning */
	int	 crf;			/* QVBR */
	bool	 ssim;			/* is to be measured */
};

#define CAPTIONS_SEI_MAX	128

struct coder_picture {
	const AVFrame *frame;
	int64_t	 pts;
	bool	 idr;
	void	*opaque;		/* comes back with its access unit */
	struct timecode timecode;	/* if the format has it */
	size_t	 captions_len;
	uint8_t	 captions[CAPTIONS_SEI_MAX];	/* T.35 payload, or none */
};

struct coder_unit {
	const uint8_t *data;
	size_t	 len;
	int64_t	 pts, dts;
	bool	 idr;
	int	 qp, crf;		/* of the whole picture, as it was coded */
	int	 ssim;			/* of luma, in millionths; -1 not measured */
	void	*opaque;
};

struct coder {
	const struct coder_ops *ops;
	void	*private;
};

struct coder_ops {
	const char *(*check)(const struct rung_spec *r);
	int (*open)(struct coder *c, const struct rung_spec *r,
	    const struct coder_format *f, const struct coder_rate *rate);
	int (*set)(struct coder *c, const struct coder_rate *rate);
	int (*encode)(struct coder *c, const struct coder_picture *p,
	    struct coder_unit *u);
	void (*close)(struct coder *c);
};

extern const struct coder_ops coder_avc, coder_hevc;

/* NULL, or the value of the rung that its encoder does not know. */
const char *coder_check(const struct rung_spec *r);

/*
 * For the coders: give the options of x264= or x265=, "subme=4:me=hex" as their
 * users write it, to parse one by one; value is NULL where there is none.  False
 * if it refuses one, which it does by anything but 0.
 */
bool coder_params(const struct rung_spec *r,
    int (*parse)(void *p, const char *name, const char *value), void *p);

/* The level to write: the one asked for, or if that is too low, which it says, the
 * lowest that is not; 0 for the encoder to choose. */
int coder_level(const struct rung_spec *r, const struct coder_format *f,
    const struct level_needs *n, int level);

/* The pixel format in which the rung is coded, for a source of this one. */
enum AVPixelFormat coder_pixels(const struct rung_spec *r, enum AVPixelFormat source);

/* What the command line asks for. */
struct coder_rate coder_rate_of(const struct rung_spec *r);

int coder_open(struct coder *c, const struct rung_spec *r,
    const struct coder_format *f, const struct coder_rate *rate);

/* From the next picture that is coded: crf, most and buffer. */
int coder_set(struct coder *c, const struct coder_rate *rate);

/* p NULL: drain.  1 with a unit, 0 without (draining: the end), negative errno. */
int coder_encode(struct coder *c, const struct coder_picture *p,
    struct coder_unit *u);
void coder_close(struct coder *c);

#endif
