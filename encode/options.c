#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encode/acoder.h"
#include "encode/coder.h"
#include "encode/options.h"
#include "lib/base/opt.h"
#include "lib/media/ts.h"

static const char help[] =
    "usage: mlive-encode -r SIZE@RATE[,key=value]... [-r ...] [options] <in.ts >out.ts\n"
    "  -a, --audio SPEC         one audio track, for instance aac@128k,lang=eng or\n"
    "                           pid=0x101,codec=ac3,rate=384k,layout=5.1; or all that\n"
    "                           there are: 128k (default), copy, none; keys: codec gain\n"
    "                           hz lang layout loudness mix peak pid rate track\n"
    "      --blank SLATE        in place of breaks: black, or a PNG or JPEG file\n"
    "      --burn-subtitles WHICH  DVB subtitles into the pictures: a PID or a language\n"
    "  -c, --clock MODE         auto, arrival or none: the clock of the segments\n"
    "      --color COLORS       of a source that says none: 601, 709, hdr10 or hlg;\n"
    "                           hlg,force: whatever it says\n"
    "      --condition CUES     the cues that get an IDR: all (default), none, or a list\n"
    "                           of splice_insert, time_signal, segmentation types\n"
    "      --control PATH       take commands at run time from this FIFO or socket\n"
    "      --crop WxH+X+Y       a part of the source\n"
    "      --deinterlace MODE   auto (default), none, or film: 3:2 pulldown is undone\n"
    "      --denoise LEVEL      of the source: none (default), low, medium or high\n"
    "  -g, --segment DURATION   segments, and IDR pictures, this long (default 2s)\n"
    "      --latency MODE       normal (default), or low: nothing is looked at ahead\n"
    "      --mux-rate RATE      of the output, constant, with null packets\n"
    "      --on-loss STEPS      when no pictures come: repeat=1s,black=2s,slate=FILE or\n"
    "                           color=RRGGBB\n"
    "      --overlay LAYER      a picture over all: 'logo bug.png x=-5% y=5% opacity=80%'\n"
    "      --part DURATION      mark fragments this long (default with low: 200ms)\n"
    "  -P, --program NUMBER     of the input (default: the first with video)\n"
    "      --rotate ANGLE       of the source: auto (default), none, 90, 180 or 270\n"
    "  -r, --rung SPEC          one rendition, for instance 1080p@5000k or\n"
    "                           1280x720@2800k,codec=hevc,fps=25; keys: codec\n"
    "                           color crop fit fps gop level maxrate preset profile quality rc\n"
    "                           threads tune vbv vq x264 x265; or copy, as the source is\n"
    "      --ssim               measure the quality that the statistics tell\n"
    "  -s, --stats TARGET       a JSON line each second to fd:N, unix:PATH or a file\n"
    "      --text LAYER         text over all: 'clock \"{utc}\" x=5% y=-5% size=4%'\n"
    "      --timecode LABELS    in the coded pictures: source, clock, zero or HH:MM:SS:FF\n"
    "      --vf CHAIN           of libavfilter, for the pictures of the source\n"
    "      --vq HOW             standard (default), or enhanced: fewer bits, more time\n"
    OPT_COMMON_HELP
    "for instance:\n"
    "  mlive-encode -r 1080p@5000k -r 720p@2800k -r 360p@800k -a 128k <in.ts >out.ts\n";

#define VBV_NS		INT64_C(2000000000)
#define VBV_LOW_NS	INT64_C(500000000)
#define PART_NS		INT64_C(200000000)
#define DELAY_LEAST	INT64_C(200000000)
#define DELAY_MORE	INT64_C(100000000)	/* for the packets of other streams between */

enum {
	OPT_BLANK = 256, OPT_BURN, OPT_COLOR, OPT_CONDITION, OPT_CONTROL, OPT_CROP,
	OPT_DEINTERLACE, OPT_DENOISE, OPT_LATENCY, OPT_MUX_RATE, OPT_ON_LOSS, OPT_OVERLAY,
	OPT_PART, OPT_ROTATE, OPT_SSIM, OPT_TEXT, OPT_TIMECODE, OPT_VF, OPT_VQ
};

static const struct option longopts[] = {
	{ "audio", required_argument, NULL, 'a' },
	{ "blank", required_argument, NULL, OPT_BLANK },
	{ "burn-subtitles", required_argument, NULL, OPT_BURN },
	{ "clock", required_argument, NULL, 'c' },
	{ "color", required_argument, NULL, OPT_COLOR },
	{ "condition", required_argument, NULL, OPT_CONDITION },
	{ "control", required_argument, NULL, OPT_CONTROL },
	{ "crop", required_argument, NULL, OPT_CROP },
	{ "deinterlace", required_argument, NULL, OPT_DEINTERLACE },
	{ "denoise", required_argument, NULL, OPT_DENOISE },
	{ "latency", required_argument, NULL, OPT_LATENCY },
	{ "mux-rate", required_argument, NULL, OPT_MUX_RATE },
	{ "on-loss", required_argument, NULL, OPT_ON_LOSS },
	{ "overlay", required_argument, NULL, OPT_OVERLAY },
	{ "part", required_argument, NULL, OPT_PART },
	{ "program", required_argument, NULL, 'P' },
	{ "rotate", required_argument, NULL, OPT_ROTATE },
	{ "rung", required_argument, NULL, 'r' },
	{ "segment", required_argument, NULL, 'g' },
	{ "ssim", no_argument, NULL, OPT_SSIM },
	{ "stats", required_argument, NULL, 's' },
	{ "text", required_argument, NULL, OPT_TEXT },
	{ "timecode", required_argument, NULL, OPT_TIMECODE },
	{ "vf", required_argument, NULL, OPT_VF },
	{ "vq", required_argument, NULL, OPT_VQ },
	OPT_COMMON_LONG,
};

static void
add_rung(struct options *o, const char *arg)
{
	struct rung_spec *r = &o->rung[o->nrung];

	if (o->nrung++ == RUNGS_MAX)
		fatal(EXIT_USAGE, 0, "more than %d rungs", RUNGS_MAX);
	rungspec_parse(r, arg);
	if (r->copy && o->copies)
		rungspec_bad(r, "there is one already:", "copy");
	o->copies |= r->copy;
}

static void
parse_audio(struct options *o, const char *arg)
{
	struct audio_spec *a = &o->audio[o->naudio];
	char error[AUDIOSPEC_ERROR];
	const char *refused;

	if (o->naudio++ == AUDIOS_MAX)
		fatal(EXIT_USAGE, 0, "more than %d of --audio", AUDIOS_MAX);
	if (!audiospec_parse(a, arg, error))
		fatal(EXIT_USAGE, 0, "--audio '%s': %s", arg, error);
	refused = a->mode == AUDIO_CODE ? acoder_check(a) : NULL;
	if (refused != NULL)
		fatal(EXIT_USAGE, 0, "--audio '%s': %s", arg, refused);
}

/* None, or those that were asked for; one by default. */
static void
check_audio(struct options *o)
{
	bool copy = false;

	if (o->naudio == 0)
		parse_audio(o, "128k");
	for (unsigned i = 0; i < o->naudio; i++) {
		copy |= o->audio[i].mode == AUDIO_COPY;
		if (o->audio[i].mode == AUDIO_NONE && o->naudio > 1)
			opt_usage(help, "--audio none and another");
	}
	if (o->audio[0].mode == AUDIO_NONE)
		o->naudio = 0;
	if (o->blank != NULL && copy)
		opt_usage(help, "--blank cannot make copied audio silent");
}

/* "hlg", or "hlg,force" */
static void
parse_color(struct options *o, const char *arg)
{
	const char *comma = strchr(arg, ',');
	char name[8] = "";

	if (comma == NULL)
		comma = arg + strlen(arg);
	if ((size_t)(comma - arg) < sizeof(name))
		memcpy(name, arg, (size_t)(comma - arg));
	o->force_color = strcmp(comma, ",force") == 0;
	if (!color_parse(name, &o->color) || (*comma != '\0' && !o->force_color))
		fatal(EXIT_USAGE, 0, "--color '%s' is not 601, 709, hdr10 or hlg, with ,force or "
		    "without", arg);
}

/* The one of the words, which end with NULL, that this is. */
static int
one_of(const char *option, const char *const *words, const char *arg, const char *shape)
{
	for (int i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], arg) == 0)
			return i;
	fatal(EXIT_USAGE, 0, "--%s is %s, not '%s'", option, shape, arg);
}

static void
parse_filter(struct filter_spec *f, int c, const char *arg)
{
	static const char *const levels[] = { "none", "low", "medium", "high", NULL };
	static const char *const turns[] = { "auto", "none", "90", "180", "270", NULL };
	const char *why = NULL;

	if (c == OPT_CROP)
		why = crop_parse(&f->crop, arg);
	else if (c == OPT_DENOISE)
		f->denoise = one_of("denoise", levels, arg, "none, low, medium or high");
	else if (c == OPT_ROTATE)
		f->turn = (enum turn)one_of("rotate", turns, arg, "auto, none, 90, 180 or 270");
	else if (filter_known(arg))
		f->chain = arg;
	else
		fatal(EXIT_USAGE, 0, "--vf '%s' is no chain that libavfilter knows, with one "
		    "picture in and one out", arg);
	if (why != NULL)
		fatal(EXIT_USAGE, 0, "--crop '%s' %s", arg, why);
}

static void
parse_layer(struct options *o, enum layer_kind kind, const char *arg)
{
	const char *option = kind == LAYER_IS_TEXT ? "text" : "overlay";
	struct layer_spec *l = &o->layer[o->nlayer];
	char error[LAYER_ERROR], *line = strdup(arg);

	if (o->nlayer++ == LAYERS_MAX)
		fatal(EXIT_USAGE, 0, "more than %d layers", LAYERS_MAX);
	if (line == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot read options");
	if (layer_parse(l, kind, line, error) < 0)
		fatal(EXIT_USAGE, 0, "--%s '%s': %s", option, arg, error);
	if (l->act != LAYER_SHOW)
		fatal(EXIT_USAGE, 0, "--%s '%s': what it shows is missing", option, arg);
	free(line);
}

/* What depends on other options, and what only the encoders can judge. */
static void
check_rungs(struct options *o)
{
	if (o->low && o->part_ns < 0)
		o->part_ns = PART_NS;
	if (o->part_ns < 0)
		o->part_ns = 0;
	if (o->part_ns > o->segment_ns)
		fatal(EXIT_USAGE, 0, "--part is longer than --segment");
	if (o->nrung == 0)
		opt_usage(help, "no rung: say for instance -r 720p@2800k -r 360p@800k");
	for (unsigned i = 0; i < o->nrung; i++) {
		struct rung_spec *r = &o->rung[i];
		const char *wrong;

		if (r->copy)
			continue;
		if (o->copies && r->gop_ns > 0)
			rungspec_bad(r, "IDR pictures are those of the source with -r copy, not by",
			    "gop");
		r->low = o->low;
		if (r->vq == VQ_UNSAID)
			r->vq = r->preset[0] != '\0' ? VQ_STANDARD : o->vq;
		if (r->vbv_ns == 0)
			r->vbv_ns = o->low ? VBV_LOW_NS : VBV_NS;
		wrong = coder_check(r);
		if (wrong != NULL)
			rungspec_bad(r, "the encoder refuses", wrong);
		if (r->gop_ns > o->segment_ns)
			rungspec_bad(r, "longer than a segment:", "gop");
	}
}

/* What is copied is not worked on. */
static void
check_copy(const struct options *o)
{
	const struct filter_spec *f = &o->filter;
	const char *option = burn_wanted(&o->burn) ? "burn-subtitles" :
	    o->label.mode != LABEL_NONE ? "timecode" :
	    o->nlayer > 0 ? o->layer[0].kind == LAYER_IS_TEXT ? "text" : "overlay" :
	    f->crop.w > 0 ? "crop" : f->denoise > 0 ? "denoise" :
	    f->turn > TURN_NONE ? "rotate" : f->chain != NULL ? "vf" :
	    o->vq == VQ_ENHANCED ? "vq" : NULL;

	if (o->blank != NULL && o->copies)
		opt_usage(help, "--blank cannot cover the pictures of -r copy");
	if (o->deinterlace == DEINTERLACE_FILM && o->copies)
		opt_usage(help, "--deinterlace film is not for the pictures of -r copy");
	if (o->copies && o->nrung == 1 && option != NULL)
		opt_usage(help, "--%s is of rungs that are coded, and -r copy is not", option);
}

/*
 * What rungs and sound can come to in a transport stream, as far as it is known: of each
 * packet 4 bytes are its header; a unit has a header of 19 bytes, and half a packet of
 * stuffing; tables come each 90 ms, a PCR each 36 ms.
 */
static void
check_mux_rate(const struct options *o)
{
	uint64_t need = (2 + o->nrung) * TS_PACKET * 8 * 11 + TS_PACKET * 8 * 28;

	for (unsigned i = 0; i < o->nrung; i++)
		need += o->rung[i].maxrate + o->rung[i].maxrate / 46 + UINT64_C(25) * (19 + 94) * 8;
	for (unsigned i = 0; i < o->naudio; i++)
		if (o->audio[i].mode == AUDIO_CODE) {
			uint64_t rate = acoder_rate(&o->audio[i], o->audio[i].layout != 0 ?
			    audiospec_channels(o->audio[i].layout) : 2);

			need += rate + rate / 46 + UINT64_C(47) * (19 + 94) * 8;
		}
	if (o->mux_rate > 0 && o->mux_rate < need)
		fatal(EXIT_USAGE, 0, "--mux-rate '%" PRIu64 "k' is less than rungs and audio may "
		    "need, with what a transport stream adds: %" PRIu64 "k", o->mux_rate / 1000,
		    (need + 999) / 1000);
}

int64_t
options_mux_delay(const struct options *o)
{
	int64_t most = DELAY_LEAST;

	for (unsigned i = 0; i < o->nrung; i++) {
		int64_t ns = o->rung[i].copy ? VBV_NS : o->rung[i].vbv_ns;

		most = ns > most ? ns : most;
	}
	return most + DELAY_MORE;
}

void
options_parse(struct options *o, int argc, char *argv[])
{
	static const char *const clocks[] = { "auto", "arrival", "none", NULL };
	static const char *const deinterlaces[] = { "auto", "film", "none", NULL };
	int c;

	*o = (struct options){
		.segment_ns = INT64_C(2000000000), .part_ns = -1,
		.condition = { .insert = true, .signal = true },
	};
	while ((c = getopt_long(argc, argv, "a:c:g:P:r:s:" OPT_COMMON, longopts,
	    NULL)) != -1)
		switch (c) {
		case 'a':
			parse_audio(o, optarg);
			break;
		case OPT_COLOR:
			parse_color(o, optarg);
			break;
		case 'c':
			o->clock = (enum clock_mode)one_of("clock", clocks, optarg,
			    "auto, arrival or none");
			break;
		case OPT_BLANK:
			o->blank = optarg;
			break;
		case OPT_BURN:
			burn_parse(&o->burn, optarg);
			break;
		case OPT_CONDITION:
			condition_parse(&o->condition, optarg);
			break;
		case OPT_CONTROL:
			o->control = optarg;
			break;
		case OPT_DEINTERLACE:
			o->deinterlace = (enum deinterlace)one_of("deinterlace", deinterlaces,
			    optarg, "auto, film or none");
			break;
		case OPT_CROP:
		case OPT_DENOISE:
		case OPT_ROTATE:
		case OPT_VF:
			parse_filter(&o->filter, c, optarg);
			break;
		case 'g':
			o->segment_ns = (int64_t)opt_duration("segment", optarg);
			if (o->segment_ns < 200000000 || o->segment_ns > 60000000000)
				fatal(EXIT_USAGE, 0,
				    "--segment '%s' is not in 200ms..60s", optarg);
			break;
		case OPT_LATENCY:
			o->low = strcmp(optarg, "low") == 0;
			if (!o->low && strcmp(optarg, "normal") != 0)
				fatal(EXIT_USAGE, 0, "--latency is normal or low, not '%s'",
				    optarg);
			break;
		case OPT_MUX_RATE:
			o->mux_rate = opt_rate("mux-rate", optarg);
			if (o->mux_rate < 100000 || o->mux_rate > 1000000000)
				fatal(EXIT_USAGE, 0, "--mux-rate '%s' is not in 100k..1000M",
				    optarg);
			break;
		case OPT_ON_LOSS:
			o->on_loss = optarg;
			break;
		case OPT_OVERLAY:
			parse_layer(o, LAYER_IS_PICTURE, optarg);
			break;
		case OPT_PART:
			o->part_ns = (int64_t)opt_duration("part", optarg);
			if (o->part_ns < 20000000 || o->part_ns > 60000000000)
				fatal(EXIT_USAGE, 0, "--part '%s' is not in 20ms..60s",
				    optarg);
			break;
		case 'P':
			o->program = (uint16_t)opt_number("program", optarg, 1, 65535);
			break;
		case 'r':
			add_rung(o, optarg);
			break;
		case OPT_SSIM:
			o->ssim = true;
			break;
		case 's':
			o->stats = optarg;
			break;
		case OPT_TEXT:
			parse_layer(o, LAYER_IS_TEXT, optarg);
			break;
		case OPT_TIMECODE:
			if (!label_parse(&o->label, optarg))
				fatal(EXIT_USAGE, 0, "--timecode is source, clock, zero or "
				    "HH:MM:SS:FF, not '%s'", optarg);
			break;
		case OPT_VQ:
			o->vq = rungspec_vq(optarg);
			if (o->vq == VQ_UNSAID)
				fatal(EXIT_USAGE, 0, "--vq is standard or enhanced, not '%s'",
				    optarg);
			break;
		default:
			opt_common(c, help);
		}
	if (optind != argc)
		opt_usage(help, "unexpected argument '%s'", argv[optind]);
	check_audio(o);
	check_rungs(o);
	check_copy(o);
	check_mux_rate(o);
}
