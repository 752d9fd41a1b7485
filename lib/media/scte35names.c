/* Names of segmentation types and UPIDs: SCTE 35 2022b tables 22 and 23. */
#include "lib/media/scte35.h"

struct name {
	uint8_t	 value;
	const char *name;
};

static const struct name types[] = {
	{ 0x00, "Not Indicated" },
	{ 0x01, "Content Identification" },
	{ 0x02, "Private" },
	{ 0x10, "Program Start" },
	{ 0x11, "Program End" },
	{ 0x12, "Program Early Termination" },
	{ 0x13, "Program Breakaway" },
	{ 0x14, "Program Resumption" },
	{ 0x15, "Program Runover Planned" },
	{ 0x16, "Program Runover Unplanned" },
	{ 0x17, "Program Overlap Start" },
	{ 0x18, "Program Blackout Override" },
	{ 0x19, "Program Join" },
	{ 0x20, "Chapter Start" },
	{ 0x21, "Chapter End" },
	{ 0x22, "Break Start" },
	{ 0x23, "Break End" },
	{ 0x24, "Opening Credit Start" },
	{ 0x25, "Opening Credit End" },
	{ 0x26, "Closing Credit Start" },
	{ 0x27, "Closing Credit End" },
	{ 0x30, "Provider Advertisement Start" },
	{ 0x31, "Provider Advertisement End" },
	{ 0x32, "Distributor Advertisement Start" },
	{ 0x33, "Distributor Advertisement End" },
	{ 0x34, "Provider Placement Opportunity Start" },
	{ 0x35, "Provider Placement Opportunity End" },
	{ 0x36, "Distributor Placement Opportunity Start" },
	{ 0x37, "Distributor Placement Opportunity End" },
	{ 0x38, "Provider Overlay Placement Opportunity Start" },
	{ 0x39, "Provider Overlay Placement Opportunity End" },
	{ 0x3a, "Distributor Overlay Placement Opportunity Start" },
	{ 0x3b, "Distributor Overlay Placement Opportunity End" },
	{ 0x3c, "Provider Promo Start" },
	{ 0x3d, "Provider Promo End" },
	{ 0x3e, "Distributor Promo Start" },
	{ 0x3f, "Distributor Promo End" },
	{ 0x40, "Unscheduled Event Start" },
	{ 0x41, "Unscheduled Event End" },
	{ 0x42, "Alternate Content Opportunity Start" },
	{ 0x43, "Alternate Content Opportunity End" },
	{ 0x44, "Provider Ad Block Start" },
	{ 0x45, "Provider Ad Block End" },
	{ 0x46, "Distributor Ad Block Start" },
	{ 0x47, "Distributor Ad Block End" },
	{ 0x50, "Network Start" },
	{ 0x51, "Network End" },
};

static const struct name upids[] = {
	{ 0x01, "user defined" },
	{ 0x02, "ISCI" },
	{ 0x03, "Ad-ID" },
	{ 0x04, "UMID" },
	{ 0x05, "ISAN" },
	{ 0x06, "ISAN" },
	{ 0x07, "TID" },
	{ 0x08, "TI" },
	{ 0x09, "ADI" },
	{ 0x0a, "EIDR" },
	{ 0x0b, "ATSC content identifier" },
	{ 0x0c, "MPU" },
	{ 0x0d, "MID" },
	{ 0x0e, "ADS" },
	{ 0x0f, "URI" },
	{ 0x10, "UUID" },
	{ 0x11, "SCR" },
};

static const char *
find(const struct name *list, size_t n, uint8_t value)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].value == value)
			return list[i].name;
	return NULL;
}

const char *
scte35_type_name(uint8_t type)
{
	return find(types, sizeof(types) / sizeof(types[0]), type);
}

const char *
scte35_upid_name(uint8_t type)
{
	return find(upids, sizeof(upids) / sizeof(upids[0]), type);
}
