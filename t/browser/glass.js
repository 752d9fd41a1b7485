/*
 * glass.js - in the page: how old each picture is when it is shown, by the code that the
 * source test: writes into it (lib/media/blockcode.h).
 *
 * window.glass.start(video) reads every picture that comes, window.glass.stop() returns
 *
 *     { frames, unread, late: [ms...], numbers: { first, last, missing, again } }
 *
 * A picture is drawn 640 wide, so a cell is ten pixels; its brightness is the mean of
 * the middle half.
 */
window.glass = (() => {
	const COLUMNS = 64, ROWS = 36, CELL = 10, MARKER = 0xb10c;
	const X = 2, Y = 2, WIDTH = 32, HEIGHT = 4;
	const canvas = document.createElement("canvas");
	const ctx = canvas.getContext("2d", { willReadFrequently: true });
	let on = false, result = null;

	canvas.width = COLUMNS * CELL;
	canvas.height = ROWS * CELL;

	function crc16(bytes)
	{
		let crc = 0xffff;

		for (const b of bytes) {
			crc ^= b << 8;
			for (let i = 0; i < 8; i++)
				crc = (crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1) & 0xffff;
		}
		return crc;
	}

	/* The picture at hand: { number, utc }, or null where no code can be read. */
	function read(video)
	{
		ctx.drawImage(video, 0, 0, canvas.width, canvas.height);
		const p = ctx.getImageData(X * CELL, Y * CELL, WIDTH * CELL, HEIGHT * CELL).data;
		const mean = [];

		for (let row = 0; row < HEIGHT; row++)
			for (let col = 0; col < WIDTH; col++) {
				let sum = 0, n = 0;

				for (let y = 3; y < 8; y++)
					for (let x = 3; x < 8; x++, n++)
						sum += p[4 * ((row * CELL + y) * WIDTH * CELL +
						    col * CELL + x) + 1];
				mean.push(sum / n);
			}
		let white = 0, black = 0, whites = 0;

		for (let i = 0; i < 16; i++)
			if (MARKER >> 15 - i & 1) {
				white += mean[i];
				whites++;
			} else {
				black += mean[i];
			}
		const level = (white / whites + black / (16 - whites)) / 2;
		const bytes = [];

		for (let i = 0; i < mean.length; i += 8)
			bytes.push(mean.slice(i, i + 8).reduce((v, m) => v << 1 | (m > level), 0));
		const word = (at, n) => bytes.slice(at, at + n).reduce((v, b) => v * 256 + b, 0);

		if (word(0, 2) !== MARKER || crc16(bytes.slice(0, 14)) !== word(14, 2))
			return null;
		return { number: word(2, 4), utc: word(6, 6) };
	}

	function take(video)
	{
		const code = read(video), n = result.numbers;

		result.frames++;
		if (code === null) {
			result.unread++;
			return;
		}
		result.late.push(Date.now() - code.utc);
		if (n.first === null) {
			n.first = code.number;
		} else if (code.number <= n.last) {
			n.again++;
		} else {
			n.missing += code.number - n.last - 1;
		}
		n.last = Math.max(n.last, code.number);
	}

	return {
		start(video)
		{
			const next = () => {
				if (!on)
					return;
				take(video);
				video.requestVideoFrameCallback(next);
			};

			result = { frames: 0, unread: 0, late: [],
				numbers: { first: null, last: -1, missing: 0, again: 0 } };
			on = true;
			video.requestVideoFrameCallback(next);
		},
		stop()
		{
			on = false;
			return result;
		},
	};
})();
