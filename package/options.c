/* The command line of mpkg-segment. */
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/opt.h"
#include "lib/net/place.h"
#include "lib/net/s3addr.h"
#include "package/tool.h"

/* What MediaPackage takes for an ad, and blocks of ads. */
#define BREAKS	"splice_insert,0x22,0x30,0x32,0x34,0x36,0x38,0x3a,0x44,0x46"

static const char help[] =
    "usage: mpkg-segment [-hqvV] [options] -o directory|http://...|s3://... <input.ts\n"
    "      --blocking yes|no    the server holds requests of low-latency HLS [it is asked]\n"
    "      --break-limit duration  of a break that nobody ends [15m]\n"
    "      --breaks list        what opens one: splice_insert, segmentation types\n"
    "      --buffer size        may wait to be delivered [64Mi]\n"
    "      --captions list      their languages: CC1=eng,CC3=spa,SERVICE1=eng\n"
    "      --cues list          daterange, cue-out, event, event-xml, emsg, period, id3,\n"
    "                           id3-daterange; or none [daterange,event,id3]\n"
    "      --event              playlists grow, and end with the input\n"
    "      --gap-after duration without input, low latency says gap [1s, or two parts]\n"
    "      --hls-ts             HLS has transport stream segments\n"
    "      --latency duration   of players of low latency [the least: three parts]\n"
    "      --low-latency        parts can be had before their segment ends\n"
    "  -o, --output url         directory, or http(s):// or s3:// to PUT to\n"
    "      --part duration      of such a part, rounded up to pictures [200ms]\n"
    "      --restrictions kind  of segmentations that open a break: restricted,\n"
    "                           unrestricted, any [any]\n"
    "      --segment duration   of segments [4s]\n"
    "  -s, --stats target       a JSON line each second: fd:N, file, unix:PATH\n"
    "      --subtitles list     text as WebVTT tracks: auto, or CC1=eng,ttx888=swe\n"
    "      --token-file file    bearer token for the server\n"
    "      --utc-timing url     where DASH players get the time: a URL with a Date field,\n"
    "                           iso:URL, xsdate:URL, or none [the server, or index.mpd]\n"
    "      --vod                all at once, when the input ends\n"
    "      --window duration    of live playlists [60s]\n"
    OPT_COMMON_HELP;

enum {
	OPT_BLOCKING = 256, OPT_BREAK_LIMIT, OPT_BREAKS, OPT_BUFFER, OPT_CAPTIONS, OPT_CUES,
	OPT_EVENT, OPT_GAP_AFTER, OPT_HLS_TS, OPT_LATENCY, OPT_LOW_LATENCY, OPT_PART,
	OPT_RESTRICTIONS, OPT_SEGMENT, OPT_SUBTITLES, OPT_TOKEN_FILE, OPT_UTC_TIMING, OPT_VOD, OPT_WINDOW,
};

static const struct option longopts[] = {
	{ "blocking", required_argument, NULL, OPT_BLOCKING },
	{ "break-limit", required_argument, NULL, OPT_BREAK_LIMIT },
	{ "breaks", required_argument, NULL, OPT_BREAKS },
	{ "buffer", required_argument, NULL, OPT_BUFFER },
	{ "captions", required_argument, NULL, OPT_CAPTIONS },
	{ "cues", required_argument, NULL, OPT_CUES },
	{ "event", no_argument, NULL, OPT_EVENT },
	{ "gap-after", required_argument, NULL, OPT_GAP_AFTER },
	{ "hls-ts", no_argument, NULL, OPT_HLS_TS },
	{ "latency", required_argument, NULL, OPT_LATENCY },
	{ "low-latency", no_argument, NULL, OPT_LOW_LATENCY },
	{ "output", required_argument, NULL, 'o' },
	{ "part", required_argument, NULL, OPT_PART },
	{ "restrictions", required_argument, NULL, OPT_RESTRICTIONS },
	{ "segment", required_argument, NULL, OPT_SEGMENT },
	{ "stats", required_argument, NULL, 's' },
	{ "subtitles", required_argument, NULL, OPT_SUBTITLES },
	{ "token-file", required_argument, NULL, OPT_TOKEN_FILE },
	{ "utc-timing", required_argument, NULL, OPT_UTC_TIMING },
	{ "vod", no_argument, NULL, OPT_VOD },
	{ "window", required_argument, NULL, OPT_WINDOW },
	OPT_COMMON_LONG,
};

/* Where players get the time: of which kind that is, a prefix says. */
static void
choose_clock(struct tool *s)
{
	static const char *const scheme[] = { "head", "iso", "xsdate" };
	struct pres *pr = &s->pack.pres;

	pr->utc_scheme = scheme[0];
	pr->utc_timing = s->utc_timing == NULL ? "index.mpd" :
	    strcmp(s->utc_timing, "none") == 0 ? NULL : s->utc_timing;
	for (unsigned i = 1; i < 3 && pr->utc_timing != NULL; i++) {
		size_t len = strlen(scheme[i]);

		if (strncmp(pr->utc_timing, scheme[i], len) != 0 || pr->utc_timing[len] != ':')
			continue;
		pr->utc_scheme = scheme[i];
		pr->utc_timing += len + 1;
	}
}

/* What is wrong with an address of S3 is told at once. */
static void
check_bucket(const char *url)
{
	struct s3_address a;
	char reason[160];

	if (s3_address_parse(&a, url, reason) < 0)
		opt_usage(help, "cannot write to '%s': %s", url, reason);
	s3_address_clear(&a);
}

/* Where it is to go: told before anything is read. */
static void
check_output(const struct tool *s)
{
	enum place_kind kind;

	if (s->output == NULL || s->output[0] == '\0')
		opt_usage(help, "no --output");
	kind = place_kind(s->output);
	if (strcmp(s->output, "-") == 0)
		opt_usage(help, "--output '-': objects cannot go to standard output");
	if (kind == PLACE_S3 && s->token_file != NULL)
		opt_usage(help, "--token-file is for http(s)://");
	if (kind == PLACE_S3)
		check_bucket(s->output);
	if (kind == PLACE_OTHER)
		opt_usage(help, "cannot write to '%s': neither a directory, http(s):// nor s3://",
		    s->output);
	if (kind == PLACE_HTTP && strpbrk(s->output, "?# \r\n") != NULL)
		opt_usage(help, "--output '%s' can have no query", s->output);
}

void
options_parse(struct tool *s, int argc, char *argv[])
{
	uint64_t segment = 4 * CLK_SECOND, window = 60 * CLK_SECOND, limit = 900 * CLK_SECOND;
	uint64_t part = CLK_SECOND / 5, gap_after = 0;
	struct pres *pr = &s->pack.pres;
	bool event = false, vod = false;
	int c;

	cue_parse_ways("daterange,event,id3", &pr->policy);
	cue_parse_breaks(BREAKS, &pr->policy);
	pr->policy.restriction = CUE_ANY;
	s->buffer = 64 << 20;
	pr->mode = PRES_WINDOW;
	while ((c = getopt_long(argc, argv, "o:s:" OPT_COMMON, longopts, NULL)) != -1)
		switch (c) {
		case OPT_BLOCKING:
			if (strcmp(optarg, "yes") != 0 && strcmp(optarg, "no") != 0)
				opt_usage(help, "--blocking '%s' is neither yes nor no", optarg);
			s->pack.blocking = optarg[0] == 'y' ? 1 : -1;
			break;
		case OPT_BREAK_LIMIT:
			limit = opt_duration("break-limit", optarg);
			break;
		case OPT_BREAKS:
			if (!cue_parse_breaks(optarg, &pr->policy))
				opt_usage(help, "--breaks '%s' is not like splice_insert,0x34",
				    optarg);
			break;
		case OPT_BUFFER:
			s->buffer = opt_size("buffer", optarg);
			break;
		case OPT_CAPTIONS:
			if (!caption_names_parse(optarg, &pr->asked))
				opt_usage(help, "--captions '%s' is not like "
				    "CC1=eng,SERVICE2=spa", optarg);
			break;
		case OPT_CUES:
			if (!cue_parse_ways(optarg, &pr->policy))
				opt_usage(help, "--cues '%s' is not like daterange,cue-out,event",
				    optarg);
			break;
		case OPT_EVENT:
			event = true;
			break;
		case OPT_GAP_AFTER:
			gap_after = opt_duration("gap-after", optarg);
			break;
		case OPT_HLS_TS:
			pr->ts = true;
			break;
		case OPT_LATENCY:
			pr->latency = (int64_t)opt_duration("latency", optarg);
			break;
		case OPT_LOW_LATENCY:
			pr->low = true;
			break;
		case 'o':
			s->output = optarg;
			break;
		case OPT_PART:
			part = opt_duration("part", optarg);
			break;
		case OPT_RESTRICTIONS:
			if (!cue_parse_restriction(optarg, &pr->policy))
				opt_usage(help, "--restrictions '%s' is none of restricted, "
				    "unrestricted, any", optarg);
			break;
		case OPT_SEGMENT:
			segment = opt_duration("segment", optarg);
			break;
		case 's':
			s->stats_target = optarg;
			break;
		case OPT_SUBTITLES:
			pr->all_subtitles = strcmp(optarg, "auto") == 0;
			s->pack.cutter.bases.captions = true;
			if (!pr->all_subtitles &&
			    !caption_list_parse(optarg, &pr->subtitles, &pr->asked,
			    &pr->asked_pages))
				opt_usage(help, "--subtitles '%s' is neither auto nor like "
				    "CC1=eng,SERVICE2,ttx888=swe", optarg);
			if (__builtin_popcount(pr->subtitles.cc) +
			    __builtin_popcountll(pr->subtitles.services) +
			    (int)pr->asked_pages.n > PACK_SUBS)
				opt_usage(help, "--subtitles '%s' are more than %d", optarg,
				    PACK_SUBS);
			break;
		case OPT_TOKEN_FILE:
			s->token_file = optarg;
			break;
		case OPT_UTC_TIMING:
			s->utc_timing = optarg;
			break;
		case OPT_VOD:
			vod = true;
			break;
		case OPT_WINDOW:
			window = opt_duration("window", optarg);
			break;
		default:
			opt_common(c, help);
		}
	if (optind != argc)
		opt_usage(help, "unexpected argument '%s'", argv[optind]);
	check_output(s);
	if (event && vod)
		opt_usage(help, "--event and --vod exclude each other");
	if (pr->low && (vod || pr->ts))
		opt_usage(help, "--low-latency goes with neither --vod nor --hls-ts");
	if (pr->low && place_kind(s->output) == PLACE_S3)
		opt_usage(help, "--low-latency into '%s': objects in S3 do not grow", s->output);
	if (pr->low && (part < CLK_SECOND / 20 || part * 2 > segment))
		opt_usage(help, "--part must be between 50ms and half of --segment");
	if (pr->latency > 0 && (!pr->low || (uint64_t)pr->latency < 3 * part ||
	    (uint64_t)pr->latency > window))
		opt_usage(help, "--latency goes with --low-latency, and must be between "
		    "three parts and --window");
	if (event || vod)
		pr->mode = event ? PRES_EVENT : PRES_VOD;
	if (s->buffer == 0)
		opt_usage(help, "--buffer must be more than nothing");
	if (segment < CLK_SECOND / 10 || segment > 60 * CLK_SECOND)
		opt_usage(help, "--segment must be between 100ms and 60s");
	if (window < segment || window > INT64_C(14) * 86400 * CLK_SECOND)
		opt_usage(help, "--window must be between --segment and 336h");
	if (s->utc_timing != NULL && strpbrk(s->utc_timing, "\"<&>\n") != NULL)
		opt_usage(help, "--utc-timing '%s' has characters that no URL has",
		    s->utc_timing);
	if (limit < CLK_SECOND || limit > INT64_C(24) * 3600 * CLK_SECOND)
		opt_usage(help, "--break-limit must be between 1s and 24h");
	s->pack.cutter.segment_ns = (int64_t)segment;
	pr->cues.limit = rescale_near((int64_t)limit, CLK_90K, CLK_SECOND);
	pr->cues.max = pr->mode == PRES_WINDOW ? 1 << 13 : 1 << 16;
	pr->window = rescale_near((int64_t)window, CLK_90K, CLK_SECOND);
	pr->chunk = rescale_near((int64_t)part, CLK_90K, CLK_SECOND);
	s->pack.gap_after_ns = gap_after > 0 ? (int64_t)gap_after :
	    2 * (int64_t)part > CLK_SECOND ? 2 * (int64_t)part : CLK_SECOND;
	choose_clock(s);
}
