/* What each segmentation type does: SCTE 35 table 23 and 10.3.3.2, as a table. */
#include "lib/media/cuetrack.h"

/*
 * Levels: network 1, programme 2, chapter and credits 3, break 4, opportunity 5,
 * advertisement and promotion 6.  What is deeper ends with what is less deep, where
 * "outer" says so; chapters and credits lie beside breaks.  A break of splice_insert is
 * on the level of a break.
 */
#define NONE	CUE_PREVIOUS_STAYS
#define ENDLESS	CUE_PREVIOUS_ENDLESS
#define ONE	CUE_PREVIOUS_ENDS

static const struct cue_rule rules[] = {
	/* type  of    action      level outer  last   previous */
	{ CUE_SPLICE, CUE_SPLICE, CUE_BEGIN, 4, false, false, ONE },
	{ 0x10, 0x10, CUE_BEGIN,  2, true,  false, ONE },	/* programme start */
	{ 0x11, 0x10, CUE_FINISH, 2, true,  false, NONE },
	{ 0x12, 0x10, CUE_FINISH, 2, true,  false, NONE },	/* early termination */
	{ 0x13, 0x10, CUE_FINISH, 2, true,  false, NONE },	/* breakaway */
	{ 0x14, 0x10, CUE_BEGIN,  2, true,  false, ONE },	/* resumption */
	{ 0x15, 0x10, CUE_RETIME, 2, false, false, NONE },	/* runover, planned */
	{ 0x16, 0x10, CUE_RETIME, 2, false, false, NONE },	/* and unplanned */
	{ 0x17, 0x10, CUE_BEGIN,  2, false, false, NONE },	/* overlap start */
	{ 0x18, 0x10, CUE_POINT,  2, false, false, NONE },	/* blackout override */
	{ 0x19, 0x10, CUE_BEGIN,  2, false, false, ONE },	/* join */
	{ 0x20, 0x20, CUE_BEGIN,  3, false, false, ONE },	/* chapter */
	{ 0x21, 0x20, CUE_FINISH, 3, false, false, NONE },
	{ 0x22, 0x22, CUE_BEGIN,  4, true,  false, ONE },	/* break */
	{ 0x23, 0x22, CUE_FINISH, 4, true,  false, NONE },
	{ 0x24, 0x24, CUE_BEGIN,  3, false, false, ONE },	/* opening credit */
	{ 0x25, 0x24, CUE_FINISH, 3, false, false, NONE },
	{ 0x26, 0x26, CUE_BEGIN,  3, false, false, ONE },	/* closing credit */
	{ 0x27, 0x26, CUE_FINISH, 3, false, false, NONE },
	{ 0x30, 0x30, CUE_BEGIN,  6, false, false, ONE },	/* provider ad */
	{ 0x31, 0x30, CUE_FINISH, 6, false, false, NONE },
	{ 0x32, 0x32, CUE_BEGIN,  6, false, false, ONE },	/* distributor ad */
	{ 0x33, 0x32, CUE_FINISH, 6, false, false, NONE },
	{ 0x34, 0x34, CUE_BEGIN,  5, false, false, ENDLESS },	/* provider opportunity */
	{ 0x35, 0x34, CUE_FINISH, 5, true,  true,  NONE },
	{ 0x36, 0x36, CUE_BEGIN,  5, false, false, ENDLESS },	/* distributor's */
	{ 0x37, 0x36, CUE_FINISH, 5, true,  true,  NONE },
	{ 0x38, 0x38, CUE_BEGIN,  5, false, false, ENDLESS },	/* overlays */
	{ 0x39, 0x38, CUE_FINISH, 5, false, true,  NONE },
	{ 0x3a, 0x3a, CUE_BEGIN,  5, false, false, ENDLESS },
	{ 0x3b, 0x3a, CUE_FINISH, 5, false, true,  NONE },
	{ 0x3c, 0x3c, CUE_BEGIN,  6, false, false, ONE },	/* promotions */
	{ 0x3d, 0x3c, CUE_FINISH, 6, false, false, NONE },
	{ 0x3e, 0x3e, CUE_BEGIN,  6, false, false, ONE },
	{ 0x3f, 0x3e, CUE_FINISH, 6, false, false, NONE },
	{ 0x40, 0x40, CUE_BEGIN,  2, false, false, ONE },	/* unscheduled */
	{ 0x41, 0x40, CUE_FINISH, 2, false, false, NONE },
	{ 0x42, 0x42, CUE_BEGIN,  5, false, false, ENDLESS },	/* alternate content */
	{ 0x43, 0x42, CUE_FINISH, 5, false, true,  NONE },
	{ 0x44, 0x44, CUE_BEGIN,  5, false, false, ENDLESS },	/* blocks of ads */
	{ 0x45, 0x44, CUE_FINISH, 5, true,  true,  NONE },
	{ 0x46, 0x46, CUE_BEGIN,  5, false, false, ENDLESS },
	{ 0x47, 0x46, CUE_FINISH, 5, true,  true,  NONE },
	{ 0x50, 0x50, CUE_BEGIN,  1, true,  false, ONE },	/* network */
	{ 0x51, 0x50, CUE_FINISH, 1, true,  false, NONE },
};

const struct cue_rule *
cue_rule(uint16_t type)
{
	static const struct cue_rule point = { .action = CUE_POINT, .level = 7 };

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].type == type)
			return &rules[i];
	return &point;
}

bool
cue_type_is_break(uint16_t type)
{
	const struct cue_rule *r = cue_rule(type);

	return r->action == CUE_BEGIN && r->level >= 4;
}
