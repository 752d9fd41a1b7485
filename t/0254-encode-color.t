#!/bin/sh
# mlive-encode: colours.  HDR stays HDR where a rung has ten bits, and is made SDR where it
# has eight or is told to; what a source does not say, or says wrong, can be said.
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "${top:-.}/t/encode.sh"

need 'no HEVC of 10 bits' ffmpeg -v error -f lavfi -i color=s=64x64:d=0.1 -c:v libx265 \
	-x265-params log-level=none -pix_fmt yuv420p10 -f null -

# bars TRANSFER OPTION... : black, grey of 203 cd/m2, peak white, a strong red; codes of 10
# bits as they are for PQ or HLG.
bars () {
	case $1 in
	smpte2084) grey=573 white=723 y=327 cb=464 cr=682 ;;
	*) grey=721 white=940 y=366 cb=433 cr=758 ;;
	esac
	trc=$1 params=colorprim=bt2020:transfer=$1:colormatrix=bt2020nc
	test "$trc" != none || params=range=limited
	shift
	ffmpeg -v error -f lavfi -i "color=black:s=640x160:r=25:d=2,format=yuv420p10,geq=
lum='if(lt(X\,160)\,64\,if(lt(X\,320)\,$grey\,if(lt(X\,480)\,$white\,$y)))':
cb='if(lt(X\,240)\,512\,$cb)':cr='if(lt(X\,240)\,512\,$cr)'" -c:v libx265 -preset ultrafast \
		-x265-params "log-level=none:crf=4:keyint=25:$params${1:+:$1}" -f mpegts -
}

# codes FILE N X: luma, cb and cr of 10 bits there in a picture of its video N
codes () {
	ffmpeg -v error -i "$1" -map "0:v:$2" -ss 1 -frames:v 1 -vf \
		"scale=640:160:flags=neighbor,format=yuv444p10,crop=64:64:$3:48,scale=1:1:flags=area,format=yuv444p10" \
		-f rawvideo - | od -An -tu2
}

# is_about FILE N X Y CB CR [BY]
is_about () {
	# shellcheck disable=SC2046	# three words
	set -- "$1 $2 $3" "$4" "$5" "$6" "${7:-8}" $(codes "$1" "$2" "$3")
	echo "$1: $6 $7 $8, want $2 $3 $4"
	near "$6" "$2" "$5" && near "$7" "$3" "$5" && near "$8" "$4" "$5"
}

tags () {
	ffprobe -v error -select_streams "v:$2" -show_entries \
		stream=pix_fmt,color_space,color_transfer,color_primaries -of csv=p=0 "$1" |
		sed '/^$/d' | sort -u | head -n 1
}

hdr10=master-display='G(13250\,34500)B(7500\,3000)R(34000\,16000)WP(15635\,16450)L(10000000\,50)'
bars smpte2084 "$hdr10:max-cll=1000\\,400:hdr10=1" >pq.ts
bars arib-std-b67 >hlg.ts
bars none >none.ts

check 'PQ: SDR in 8 bits, as it was in 10, SDR there too when asked for, each the size of its rung' '
	mlive-encode -r 160p@4M -r 320x80@500k -r 160p@4M,codec=hevc \
		-r 320x80@1M,codec=hevc,color=sdr <pq.ts >out.ts
	tags out.ts 0 | grep -x yuv420p,bt709,bt709,bt709
	tags out.ts 1 | grep -x yuv420p,bt709,bt709,bt709
	tags out.ts 2 | grep -x yuv420p10le,bt2020nc,smpte2084,bt2020
	tags out.ts 3 | grep -x yuv420p10le,bt709,bt709,bt709
	for n in 0 1 3
	do
		is_about out.ts $n 48 64 512 512
		is_about out.ts $n 208 666 512 512
		is_about out.ts $n 368 940 512 512
	done
	is_about out.ts 2 48 64 512 512
	is_about out.ts 2 208 573 512 512
	is_about out.ts 2 368 723 512 512
'
check 'HLG: the same, its reference white as bright as that of PQ' '
	mlive-encode -r 160p@4M -r 160p@4M,codec=hevc <hlg.ts >out.ts
	tags out.ts 0 | grep -x yuv420p,bt709,bt709,bt709
	tags out.ts 1 | grep -x yuv420p10le,bt2020nc,arib-std-b67,bt2020
	is_about out.ts 0 48 64 512 512
	is_about out.ts 0 208 666 512 512
	is_about out.ts 0 368 940 512 512
	is_about out.ts 1 208 721 512 512
	is_about out.ts 1 368 940 512 512
'
check 'a strong red of BT.2020 is a red of BT.709, not grey, and within it' '
	for of in pq hlg
	do
		mlive-encode -r 160p@4M <$of.ts >out.ts
		codes out.ts 0 528 >red
		cat red
		read -r y cb cr <red
		test "$y" -gt 200 && test "$y" -lt 420
		near "$cb" 512 80 && test "$cr" -gt 780 && test "$cr" -le 960
	done
'
check 'what HDR10 says of its display and light is in 10 bits, and not in SDR' '
	mlive-encode -r 160p@4M -r 160p@4M,codec=hevc <pq.ts >out.ts
	for n in 0 1
	do
		ffprobe -v error -select_streams v:$n -show_frames -read_intervals %+#1 out.ts >said.$n
	done
	grep -x max_content=1000 said.1
	grep -x max_average=400 said.1
	grep -x max_luminance=10000000/10000 said.1
	fails 1 grep max_content said.0
	fails 1 grep max_luminance said.0
'
check 'nor in what is taken for another light, or says nothing of its own' '
	bars none "$hdr10:max-cll=1000\\,400" >lit.ts
	for of in "pq --color 709,force" "pq --color hlg,force" "lit -v"
	do
		# shellcheck disable=SC2086	# words
		mlive-encode ${of#* } -r 160p@4M,codec=hevc <${of%% *}.ts >out.ts
		ffprobe -v error -select_streams v -show_frames -read_intervals %+#1 out.ts >said
		grep pix_fmt=yuv420p10le said
		fails 1 grep max_content said
		fails 1 grep max_luminance said
	done
	mlive-encode --color hdr10 -r 160p@4M,codec=hevc <lit.ts >out.ts
	ffprobe -v error -select_streams v -show_frames -read_intervals %+#1 out.ts >said
	grep -x max_content=1000 said
	grep -x max_luminance=10000000/10000 said
'
check 'a peak that cannot be is not believed: SDR is as of a display of 1000 cd/m2' '
	of_1=$(echo "$hdr10" | sed "s/L(10000000/L(1000/")
	bars smpte2084 "$of_1" >dark.ts
	bars smpte2084 "$of_1:max-cll=1\\,1" >darker.ts
	bars smpte2084 "$hdr10:max-cll=1\\,1" >low.ts
	bars smpte2084 "$hdr10:max-cll=65535\\,400" >high.ts
	for of in dark darker low high
	do
		mlive-encode -r 160p@4M <$of.ts >out.ts
		is_about out.ts 0 208 666 512 512
		is_about out.ts 0 368 940 512 512
	done
'
check 'as it is in AVC too, when asked for' '
	mlive-encode -r 160p@4M,color=source -r 160p@4M,profile=high10,color=source <pq.ts >out.ts
	tags out.ts 0 | grep -x yuv420p,bt2020nc,smpte2084,bt2020
	is_about out.ts 0 208 573 512 512
'
check 'a source that does not say: as it is, or taken for what it is' '
	mlive-encode -r 160p@4M <none.ts >out.ts
	is_about out.ts 0 208 721 512 512
	mlive-encode --color hlg -r 160p@4M -r 160p@4M,codec=hevc <none.ts >out.ts
	tags out.ts 0 | grep -x yuv420p,bt709,bt709,bt709
	tags out.ts 1 | grep -x yuv420p10le,bt2020nc,arib-std-b67,bt2020
	is_about out.ts 0 208 666 512 512
'
check 'one that says it is believed, unless forced' '
	mlive-encode --color 709 -r 160p@4M <hlg.ts >out.ts
	is_about out.ts 0 208 666 512 512
	mlive-encode --color 709,force -r 160p@4M -r 160p@4M,codec=hevc <hlg.ts >out.ts
	tags out.ts 0 | grep -x yuv420p,bt709,bt709,bt709
	is_about out.ts 0 208 721 512 512
	tags out.ts 1 | grep -x yuv420p10le,bt709,bt709,bt709
'
check 'from HDR to SDR and back in one stream: each rung stays what it is' '
	source_ts 2 25 >sdr.ts
	cat sdr.ts hlg.ts sdr.ts >both.ts
	mlive-encode -r 160p@4M <both.ts >out.ts
	for at in 1 3 5
	do
		ffmpeg -v error -i out.ts -map 0:v -ss $at -frames:v 1 -vf "format=yuv444p10,
			crop=16:16:96:72,scale=1:1:flags=area,format=yuv444p10" -f rawvideo - |
			od -An -tu2 >at.$at
		cat at.$at
	done
	read -r y cb cr <at.3
	near "$y" 666 10 && near "$cb" 512 6 && near "$cr" 512 6
	cmp at.1 at.5 || test "$(cut -c-6 at.1)" -ne 666
	tags out.ts 0 | cut -d, -f1 | grep -x yuv420p
'
check 'SDR in a rung of HDR: its white is the reference white there, in a slate too' '
	ffmpeg -v error -f lavfi -i "color=white:s=640x160:r=25:d=2" -c:v libx264 -preset ultrafast \
		-color_primaries bt709 -color_trc bt709 -colorspace bt709 -f mpegts white.ts
	for kind in "pq 573" "hlg 721"
	do
		cat "${kind% *}.ts" white.ts >both.ts
		mlive-encode -r 160p@4M,codec=hevc <both.ts >out.ts
		ffmpeg -v error -i out.ts -map 0:v -ss 3 -frames:v 1 -vf "format=yuv444p10,
			crop=16:16:96:72,scale=1:1:flags=area,format=yuv444p10" -f rawvideo - |
			od -An -tu2 >codes
		cat codes
		read -r y cb cr <codes
		near "$y" "${kind#* }" 8 && near "$cb" 512 6 && near "$cr" 512 6
	done
	ffmpeg -v error -f lavfi -i color=white:s=64x16 -frames:v 1 slate.png
	echo "+400ms out 20s auto" >cues
	mlive-cue insert -q -f cues <pq.ts >cued.ts
	mlive-encode --blank slate.png -r 160p@4M,codec=hevc <cued.ts >out.ts
	is_about out.ts 0 48 573 512 512
'
check 'RGB: it is coded, and tagged, as BT.709' '
	ffmpeg -v error -f lavfi -i "color=0x3060c0:s=640x160:r=25:d=2" -c:v libx264rgb \
		-preset ultrafast -qp 4 -pix_fmt rgb24 -f mpegts rgb.ts
	ffprobe -v error -show_entries stream=color_space -of csv=p=0 rgb.ts | grep gbr
	mlive-encode -r 160p@4M -r 160p@4M,codec=hevc <rgb.ts >out.ts
	for n in 0 1
	do
		tags out.ts $n | grep ",bt709,unknown,unknown$"
		is_about out.ts $n 48 382 700 412
	done
'
check 'what is no colour' '
	for what in 2020 "" hlg,always hlg, ,force hdr10x
	do
		fails 2 mlive-encode --color "$what" -r 160p@4M <hlg.ts 2>err
		grep -F "'\''$what'\''" err
	done
	fails 2 mlive-encode -r 160p@4M,color=hdr <hlg.ts 2>err
	grep "color is auto, source or sdr, not .hdr" err
'
done_testing
