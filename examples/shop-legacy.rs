//! The demo's legacy monolith alone, on a port of one's own: `cargo run --example shop-legacy -- 18471`.
//! `captures/record-shop.sh` records it. It serves until it is interrupted.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).ok_or("usage: shop-legacy PORT")?;
    let port: u16 = port.parse().map_err(|_| format!("'{port}' is not a port: give a number from 0 to 65535"))?;
    let shop = tapcompare::demo::serve_on(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    println!("listening on {}", shop.address);
    tokio::signal::ctrl_c().await?;
    shop.stop().await;
    Ok(())
}
