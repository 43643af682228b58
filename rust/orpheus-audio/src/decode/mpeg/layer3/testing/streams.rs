//! Random frames that keep to the standard.

use super::super::huffman_codes::{LEAVES, LINBITS};
use super::super::side_info::{BlockType, Shape};
use super::random::Random;
use super::writer::{Channel, Format, FrameValues, StreamWriter, low_widths};

/// What may occur.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowed {
    /// Mode extensions (1 for intensity, 2 for sum and difference).
    pub(super) joint: &'static [Option<u8>],
    /// Both channels of a granule with different blocks, also where they are joined.
    pub(super) mismatched: bool,
    /// What symphonia 0.6.1 does otherwise: it drops all above the two lowest subbands of a mixed
    /// block, and knows one illegal intensity position in MPEG-2 rather than one for each width.
    pub(super) disputed: bool,
}

/// A stream of `n` frames, as values and as bytes.
pub(super) fn stream(
    random: &mut Random,
    format: Format,
    allowed: &Allowed,
    n: usize,
) -> (Vec<FrameValues>, Vec<Vec<u8>>) {
    let mut writer = StreamWriter::new(format);
    let mut values = Vec::new();
    for _ in 0..n {
        let frame = frame(random, format, allowed, writer.n_bits_left());
        writer.push(&frame);
        values.push(frame);
    }
    (values, writer.finish())
}

fn frame(random: &mut Random, format: Format, allowed: &Allowed, n_bits: usize) -> FrameValues {
    let joint = allowed.joint[random.below(allowed.joint.len())].filter(|_| format.n_channels == 2);
    let intensity = joint.is_some_and(|joint| joint & 1 == 1);
    let mut shared = [[false; 4]; 2];
    if random.one_in(3) {
        shared = std::array::from_fn(|_| std::array::from_fn(|_| random.one_in(2)));
    }
    let mut left = n_bits - 8;
    let mut n_parts = format.n_granules() * format.n_channels;
    let mut granules: Vec<Vec<Channel>> = Vec::new();
    for index in 0..format.n_granules() {
        let mut channels: Vec<Channel> = Vec::new();
        for i in 0..format.n_channels {
            let first = granules.first().map(|channels| &channels[i]);
            // Short blocks share nothing, nor does anyone with them.
            let long = shared[i].contains(&true) && (index == 0 || first.is_some_and(is_short));
            let block = allowed_block(random, allowed, channels.first(), long);
            let budget = Budget {
                n_bits: (left / n_parts).min(4095),
                few: intensity && i == 1,
                disputed: allowed.disputed,
            };
            let mut channel = channel(random, format, block, &budget);
            let from = first.filter(|_| block.shape != Shape::Short).zip(Some(shared[i]));
            if let Some((first, shared)) = from {
                share(&mut channel, first, shared);
            }
            left -= channel.main_data(&format, [false; 4], intensity && i == 1).n_bits;
            n_parts -= 1;
            channels.push(channel);
        }
        granules.push(channels);
    }
    FrameValues { joint, shared, granules }
}

/// A block that may stand beside the one of the left channel, and is long where it must be.
fn allowed_block(
    random: &mut Random,
    allowed: &Allowed,
    left: Option<&Channel>,
    long: bool,
) -> BlockType {
    let mut block = random_block(random);
    if let (Some(left), false) = (left, allowed.mismatched && random.one_in(2)) {
        block = left.block;
    }
    if !allowed.disputed {
        block.mixed = false;
    }
    if long {
        block = BlockType { shape: Shape::Long, mixed: false };
    }
    left.filter(|_| !allowed.mismatched).map_or(block, |left| left.block)
}

fn is_short(channel: &Channel) -> bool {
    channel.block.shape == Shape::Short
}

fn share(channel: &mut Channel, first: &Channel, shared: [bool; 4]) {
    for ((start, end), shared) in super::super::scalefactors::SHARED_GROUPS.into_iter().zip(shared)
    {
        if shared {
            channel.scalefactors[start..end].copy_from_slice(&first.scalefactors[start..end]);
        }
    }
}

fn random_block(random: &mut Random) -> BlockType {
    let shape = [Shape::Long, Shape::Start, Shape::Short, Shape::Stop][random.below(4)];
    BlockType { shape, mixed: shape == Shape::Short && random.one_in(3) }
}

struct Budget {
    n_bits: usize,
    /// Few lines, as beside an intensity channel.
    few: bool,
    disputed: bool,
}

fn channel(random: &mut Random, format: Format, block: BlockType, budget: &Budget) -> Channel {
    let mut channel = Channel {
        block,
        global_gain: 0,
        scalefac_compress: random.below(if format.mpeg1() { 16 } else { 512 }),
        subblock_gain: [0; 3],
        tables: std::array::from_fn(|_| random_table(random)),
        region_counts: [random.below(16), random.below(8)],
        preflag: format.mpeg1() && random.one_in(3),
        scalefac_scale: random.one_in(3),
        quads_b: random.one_in(2),
        scalefactors: [0; 39],
        values: vec![0; 576],
        n_pairs: 0,
        n_quads: 0,
        n_stuffing: 0,
    };
    if block.shape != Shape::Long {
        channel.subblock_gain = std::array::from_fn(|_| random.below(8));
    }
    scalefactors(random, format, &mut channel, budget);
    let n_before = channel.main_data(&format, [false; 4], budget.few).n_bits;
    let n_left = budget.n_bits.saturating_sub(n_before);
    if n_before > budget.n_bits || random.one_in(20) {
        // Silence, and scalefactors none.
        channel.scalefac_compress = 0;
        channel.scalefactors = [0; 39];
        return channel;
    }
    values(random, format, &mut channel, n_left, budget.few);
    let largest = channel.values.iter().map(|v| v.unsigned_abs()).max().unwrap_or(0).max(1);
    // A largest line of about 0.05.
    let gain = 210.0 + 4.0 * (0.05_f64.log2() - 4.0 / 3.0 * f64::from(largest).log2());
    channel.global_gain = gain as usize - random.below(12);
    channel
}

fn random_table(random: &mut Random) -> usize {
    [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16 + random.below(8), 24 + random.below(8)]
        [random.below(16)]
}

fn scalefactors(random: &mut Random, format: Format, channel: &mut Channel, budget: &Budget) {
    let limit = 1 + random.below(15);
    for (start, end, width) in channel.scalefactor_groups(&format, budget.few) {
        let legal = if budget.few && !format.mpeg1() && !budget.disputed && width > 0 {
            (1 << width) - 1
        } else {
            1 << width
        };
        for value in &mut channel.scalefactors[start..end] {
            *value = random.below(if budget.few { legal } else { legal.min(limit) }) as u8;
        }
    }
    if !format.mpeg1() && !budget.few {
        channel.preflag = low_widths(channel.scalefac_compress, false).0 == 2;
    }
}

/// Fills the lines from below until the bits are used up.
fn values(random: &mut Random, format: Format, channel: &mut Channel, n_bits: usize, few: bool) {
    let ends = channel.region_ends(&format);
    let n_pairs = random.below(if few { 60 } else { 289 });
    let n_quads = if few { 0 } else { random.below(145).min((288 - n_pairs) / 2) };
    let typical = 1 << random.below(12);
    let mut n_used = 0;
    for pair in 0..n_pairs {
        let table = channel.tables[ends.iter().filter(|&&end| pair * 2 >= end).count()];
        let drawn = [0, 1].map(|_| random_value(random, table, typical));
        channel.values[2 * pair..2 * pair + 2].copy_from_slice(&drawn);
        // More than any code: nineteen bits, two signs, twice thirteen more.
        n_used += if table < 16 { 21 } else { 45 };
        if n_used > n_bits {
            channel.values[2 * pair..].fill(0);
            return;
        }
        channel.n_pairs = pair + 1;
    }
    for quad in 0..n_quads {
        n_used += 10;
        if n_used > n_bits {
            return;
        }
        for value in &mut channel.values[2 * n_pairs + 4 * quad..][..4] {
            *value = random.below(3) as i32 - 1;
        }
        channel.n_quads = quad + 1;
    }
    if channel.quads_b && n_used + 3 < n_bits && n_pairs + 2 * n_quads < 286 {
        channel.n_stuffing = random.below(4);
    }
}

fn random_value(random: &mut Random, table: usize, typical: usize) -> i32 {
    let number = if table < 16 { table } else { table / 8 * 8 };
    let largest = LEAVES[number].iter().map(|leaf| usize::from(leaf & 15)).max().unwrap_or(0);
    let largest = if table < 16 { largest } else { 14 + (1 << LINBITS[table]) };
    let limit = if random.one_in(8) { 15 } else { typical };
    let value = random.below(largest.min(limit) + 1) as i32;
    if random.one_in(2) { value } else { -value }
}

/// Random bytes in place of the main data and, sometimes, of the side information.
pub(super) fn damaged(random: &mut Random, frame: &[u8]) -> Vec<u8> {
    let mut bytes = frame.to_vec();
    let from = if random.one_in(2) { 4 } else { 36.min(bytes.len()) };
    let every = 1 + random.below(40);
    for byte in &mut bytes[from..] {
        if random.one_in(every) {
            *byte = random.next() as u8;
        }
    }
    bytes
}
