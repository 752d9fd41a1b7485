#!/usr/bin/perl
# t/mpd.pl [low] <index.mpd - check a manifest against the rules.
#
# Names, and the order of elements and the attributes that must be there, by the schema of
# ISO/IEC 23009-1 (of what a packager of ours writes: another name is an error); with "low"
# what DASH-IF demands of low latency (IOP part 5, chunked mode).  Prints what is wrong;
# status 1 if anything is.
use strict;
use warnings;

my $low = @ARGV && $ARGV[0] eq 'low';
my $bad = 0;
sub wrong { print "@_\n"; $bad++ }

# ---- the schema: children in order; attributes, those with ! must be there

my @base = qw(AudioChannelConfiguration ContentProtection EssentialProperty
	SupplementalProperty InbandEventStream Label ProducerReferenceTime Resync);
my %child = (
	MPD => [qw(BaseURL Location ServiceDescription Period UTCTiming)],
	ServiceDescription => [qw(Scope Latency PlaybackRate)],
	Period => [qw(EventStream AdaptationSet SupplementalProperty)],
	AdaptationSet => [@base, qw(Accessibility Role SegmentTemplate Representation)],
	Representation => [@base, 'SegmentTemplate'],
	ProducerReferenceTime => ['UTCTiming'],
	SegmentTemplate => ['SegmentTimeline'], SegmentTimeline => ['S'],
	EventStream => ['Event'],
);
my @media = qw(width height sar frameRate audioSamplingRate mimeType codecs startWithSAP);
my %attr = (
	MPD => [qw(xmlns! profiles! type minBufferTime! availabilityStartTime publishTime
		mediaPresentationDuration minimumUpdatePeriod timeShiftBufferDepth
		suggestedPresentationDelay maxSegmentDuration)],
	ServiceDescription => ['id'], Latency => [qw(target min max referenceId)],
	PlaybackRate => [qw(min max)], Period => [qw(id start duration)],
	AdaptationSet => [@media, qw(id contentType lang segmentAlignment)],
	Representation => [@media, qw(id! bandwidth!)],
	SegmentTemplate => [qw(timescale presentationTimeOffset duration startNumber media
		initialization availabilityTimeOffset availabilityTimeComplete)],
	ProducerReferenceTime => [qw(id! inband type wallClockTime! presentationTime!)],
	Resync => [qw(type dT marker)], S => [qw(t d! r)], Label => [], SegmentTimeline => [],
	EventStream => [qw(schemeIdUri! value timescale presentationTimeOffset)],
	InbandEventStream => [qw(schemeIdUri! value)],
	Event => [qw(presentationTime duration id contentEncoding)],
);
my $number = qr/^\d+$/;
my %type = (id => undef, timescale => $number, startNumber => $number, d => $number,
	t => $number, r => qr/^-?\d+$/, bandwidth => $number, width => $number,
	height => $number, dT => $number, frameRate => qr{^\d+(/[1-9]\d*)?$},
	presentationTime => $number, presentationTimeOffset => $number, target => $number,
	sar => qr/^\d+:\d+$/, start => qr/^PT\d+(\.\d+)?S$/, inband => qr/^(true|false)$/,
	availabilityTimeOffset => qr/^\d+(\.\d+)?$/, lang => qr/^[a-z]{2,3}$/,
	wallClockTime => qr/^\d{4}-\d\d-\d\dT[\d:.]+Z$/, marker => qr/^(true|false)$/,
	contentType => qr/^(audio|video|text)$/, startWithSAP => qr/^[0-6]$/);

# ---- the text, as a tree of { name, attr, child }

local $/;
my $text = <STDIN>;
my @open = ({ name => '', child => [] });
$text =~ s/^<\?xml[^>]*\?>//;
while ($text =~ /<(\/?)([\w:]+)([^>]*?)(\/?)>/g) {
	my ($ends, $name, $attrs, $empty) = ($1, $2, $3, $4);
	if ($ends) {
		wrong("</$name> closes <$open[-1]{name}>") if $open[-1]{name} ne $name;
		pop @open;
		next;
	}
	my $e = { name => $name, attr => { $attrs =~ /([\w:]+)="([^"]*)"/g }, child => [] };
	push @{$open[-1]{child}}, $e;
	push @open, $e unless $empty;
}
my ($mpd) = @{$open[0]{child}};
wrong('no MPD'), exit 1 unless defined $mpd && $mpd->{name} eq 'MPD';

sub named { my ($e, $name) = @_; grep { $_->{name} eq $name } @{$e->{child}} }

sub check {			# what is in an Event is of another namespace
	my ($e) = @_;
	my $name = $e->{name};
	return if $name =~ /:/;
	my @may = @{$attr{$name} || [qw(schemeIdUri! value id)]};
	for my $a (grep { /!/ } @may) {
		wrong("<$name> without $a") unless exists $e->{attr}{substr $a, 0, -1};
	}
	for my $a (grep { !/:/ } keys %{$e->{attr}}) {
		wrong("<$name $a>") unless grep { /^$a!?$/ } @may;
		wrong("<$name $a=\"$e->{attr}{$a}\">") if $type{$a} && $e->{attr}{$a} !~ $type{$a};
	}
	my $at = 0;
	for my $c (@{$e->{child}}) {
		next if $c->{name} =~ /:/ || $name eq "Event";
		my @order = @{$child{$name} || []};
		my ($n) = grep { $order[$_] eq $c->{name} } 0 .. $#order;
		defined $n or wrong("<$c->{name}> in <$name>"), next;
		wrong("<$c->{name}> comes too late in <$name>") if $n < $at;
		$at = $n;
		check($c);
	}
}
check($mpd);

# ---- low latency

sub check_set {
	my ($set, $ids) = @_;
	my @time = named($set, 'ProducerReferenceTime');
	wrong("set $set->{attr}{id}: no ProducerReferenceTime") unless @time;
	for my $t (@time) {
		wrong("ProducerReferenceTime $t->{attr}{id} twice") if $ids->{$t->{attr}{id}}++;
		wrong('ProducerReferenceTime without UTCTiming') unless named($t, 'UTCTiming');
	}
	wrong("set $set->{attr}{id}: no Resync") unless named($set, 'Resync');
	for my $template (map { named($_, 'SegmentTemplate') } $set, named($set, 'Representation')) {
		my $a = $template->{attr};
		wrong('availabilityTimeComplete') if ($a->{availabilityTimeComplete} || '') ne 'false';
		wrong('availabilityTimeOffset') unless ($a->{availabilityTimeOffset} || 0) > 0;
		wrong('neither duration nor SegmentTimeline') unless $a->{duration} ||
			named($template, 'SegmentTimeline');
		wrong('availabilityTimeOffset is more than a segment') if $a->{duration} &&
			$a->{availabilityTimeOffset} >= $a->{duration} / $a->{timescale};
	}
}

if ($low) {
	my ($service) = named($mpd, 'ServiceDescription');
	my ($latency) = $service ? named($service, 'Latency') : ();
	my %ids;
	wrong('not dynamic') if $mpd->{attr}{type} ne 'dynamic';
	wrong('no UTCTiming that is precise') unless grep { $_->{attr}{schemeIdUri} =~
		/^urn:mpeg:dash:utc:http-(xsdate|iso|ntp|head):2014$/ } named($mpd, 'UTCTiming');
	wrong('no Latency target') unless $latency && $latency->{attr}{target};
	wrong('no PlaybackRate') unless $service && named($service, 'PlaybackRate');
	my @periods = named($mpd, 'Period');
	check_set($_, \%ids) for $periods[-1] ? named($periods[-1], 'AdaptationSet') : ();
	wrong('referenceId') if $latency && !$ids{$latency->{attr}{referenceId} || 0};
}
exit($bad > 0);
