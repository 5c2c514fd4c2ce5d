//! The demo's candidate alone, on a port of one's own and with known defects:
//! `cargo run --example shop-candidate -- 18472 price-rounding`. It serves until it is interrupted.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};

use tapcompare::demo::Defects;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let port = arguments.next().ok_or("usage: shop-candidate PORT [DEFECTS]")?;
    let port: u16 = port.parse().map_err(|_| format!("'{port}' is not a port: give a number from 0 to 65535"))?;
    let defects: Defects = arguments.next().map_or(Ok(Defects::none()), |names| names.parse())?;
    let shop = tapcompare::demo::candidate_on(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), defects).await?;
    println!("listening on {}", shop.address);
    tokio::signal::ctrl_c().await?;
    shop.stop().await;
    Ok(())
}
