/*
 * params.h - the parameter sets of AVC and HEVC: what video.c needs of them.
 *
 * Spec     ITU-T H.264 7.3.2.1.1, 7.3.2.2, 7.3.3, E.1.1; H.265 7.3.2.1 to
 *          7.3.2.3, 7.3.3, 7.3.4, 7.3.7, E.2.1, E.2.2.
 * Shape    A NAL unit as struct nal has it: with its header, escaped.
 * Memory   Nothing allocates.
 * Errors   -EBADMSG; outputs are then undefined.
 */
#ifndef PARAMS_H
#define PARAMS_H

#include "lib/media/bits.h"
#include "lib/media/video.h"

#define AVC_SPS_MAX	32
#define AVC_PPS_MAX	256
#define HEVC_VPS_MAX	16
#define HEVC_SPS_MAX	16
#define HEVC_PPS_MAX	64

/* Fills all of *f but codec. */
int avc_sps_parse(struct nal n, unsigned *id, struct video_format *f);
int avc_pps_parse(struct nal n, unsigned *id, unsigned *sps_id);

/* slice_type modulo 5 (2: I, 4: SI) and the PPS. */
int avc_slice_parse(struct nal n, unsigned *slice_type, unsigned *pps_id);

/* Of an SPS, for hvcC. */
struct hevc_profile {
	uint8_t	 general[12];		/* profile_space to level_idc, as coded */
	unsigned sub_layers;
	bool	 temporal_id_nesting;
	unsigned min_spatial_segmentation;
};

int hevc_sps_parse(struct nal n, unsigned *id, unsigned *vps_id,
    struct video_format *f, struct hevc_profile *profile);
int hevc_pps_parse(struct nal n, unsigned *id, unsigned *sps_id);

/* frame_rate stays as it is if the VPS has no timing. */
int hevc_vps_parse(struct nal n, unsigned *id, struct rational *frame_rate);

int hevc_slice_parse(struct nal n, bool *first, unsigned *pps_id);

/* Parts of both kinds of VUI. */
void vui_aspect_ratio(struct bits *b, struct video_format *f);
void vui_signal_type(struct bits *b, struct video_format *f);

/* What a struct video keeps. */
struct video_set {
	unsigned type, id;		/* nal_unit_type */
	unsigned parent;		/* PPS: SPS; SPS of HEVC: VPS */
	uint8_t	*data;
	size_t	 len;
};

/* Without slices to choose: the first SPS that there is comes into force. */
void video_activate_any(struct video *v);

#endif
