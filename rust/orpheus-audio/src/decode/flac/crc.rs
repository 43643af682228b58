//! The two checksums of a frame (RFC 9639 §9.1.8 and §9.3).

/// x⁸ + x² + x + 1, start 0: of a frame's header.
pub(super) fn crc8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |crc, &byte| CRC8[usize::from(crc ^ byte)])
}

/// x¹⁶ + x¹⁵ + x² + 1, start 0: of a whole frame.
pub(in crate::decode) fn crc16(bytes: &[u8]) -> u16 {
    #[cfg(target_arch = "x86_64")]
    if let Some((folded, rest)) = super::crc_clmul::fold(bytes) {
        return by_table(by_table(0, &folded), rest);
    }
    by_table(0, bytes)
}

/// Sixteen bytes at a time: row `n` of the table is what a byte does to the sum when `n` zeros follow it.
fn by_table(mut crc: u16, bytes: &[u8]) -> u16 {
    let (pieces, rest) = bytes.as_chunks::<16>();
    for piece in pieces {
        let high = piece[0] ^ (crc >> 8) as u8;
        let low = piece[1] ^ crc as u8;
        crc = CRC16[15][usize::from(high)] ^ CRC16[14][usize::from(low)];
        for (row, &byte) in CRC16[..14].iter().rev().zip(&piece[2..]) {
            crc ^= row[usize::from(byte)];
        }
    }
    rest.iter().fold(crc, |crc, &byte| (crc << 8) ^ CRC16[0][usize::from((crc >> 8) as u8 ^ byte)])
}

static CRC8: [u8; 256] = crc8_table();
static CRC16: [[u16; 256]; 16] = crc16_tables();

const fn crc8_table() -> [u8; 256] {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let mut crc = n as u8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x80 == 0 { crc << 1 } else { (crc << 1) ^ 0x07 };
            bit += 1;
        }
        table[n] = crc;
        n += 1;
    }
    table
}

const fn crc16_tables() -> [[u16; 256]; 16] {
    let mut tables = [[0; 256]; 16];
    let mut n = 0;
    while n < 256 {
        let mut crc = (n as u16) << 8;
        let mut row = 0;
        while row < 16 {
            let mut bit = 0;
            while bit < 8 {
                crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x8005 };
                bit += 1;
            }
            tables[row][n] = crc;
            row += 1;
        }
        n += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sums_of_the_digits_are_those_of_the_catalogue() {
        // CRC-8/SMBUS and CRC-16/UMTS are the same polynomials, start and bit order.
        assert_eq!(crc8(b"123456789"), 0xf4);
        assert_eq!(crc16(b"123456789"), 0xfee8);
    }

    #[test]
    fn many_bytes_at_a_time_is_the_same_as_one() {
        let bytes: Vec<u8> = (0..1000_u32).map(|n| (n * n * 31 + 7) as u8).collect();
        for n in (0..300).chain((300..=1000).step_by(7)) {
            let plain = bytes[..n].iter().fold(0_u16, |crc, &byte| {
                (crc << 8) ^ CRC16[0][usize::from((crc >> 8) as u8 ^ byte)]
            });
            assert_eq!(crc16(&bytes[..n]), plain);
            assert_eq!(by_table(0, &bytes[..n]), plain);
        }
    }
}
